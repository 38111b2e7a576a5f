//! The one handle an app keeps. A call is one line: lock, call.

use std::path::Path;
use std::sync::Arc;

use lastmile_core::badge::BadgeCard;
use lastmile_core::deadline::DeadlineView;
use lastmile_core::decide::LeftOut;
use lastmile_core::delivery::{DeliveryView, Party};
use lastmile_core::diagnostics::Stall;
use lastmile_core::document::{Document, NotAdopted};
use lastmile_core::event::Lane;
use lastmile_core::evidence::{EvidenceRef, MediaSource};
use lastmile_core::exception_report::{
    Checklist, ClaimPacket, ExceptionKind, OpenCase, ReviewLine, exception_checklist,
};
use lastmile_core::explain::ParcelExplanation;
use lastmile_core::id::{CaseId, CourierNo, EvidenceId, OrderNo};
use lastmile_core::notice::{Audience, Finding, Language, Notice, SlotValue};
use lastmile_core::pickup::{FieldError, waybill_errors};
use lastmile_core::policy::Explanation;
use lastmile_core::privacy::{Person, RevealReason};
use lastmile_core::shift::ShiftReconciliation;
use lastmile_core::sync::{HubReply, Next, SyncChannel};
use lastmile_core::temporary_storage::{CodeCheck, StorageView};
use lastmile_core::transfer::{TransferCode, TransferView};
use lastmile_core::waybill::Waybill;
use lastmile_core::{
    CaseWorkView, Command, ComplaintView, DataKey, Durability, Entry, ExceptionView, Here,
    Identity, Objection, ParcelView, PickupView, Recorded, Salvaged, Stop, SyncStatus,
};
use zeroize::Zeroizing;

use crate::Result;
use crate::json;
use crate::listen::{ChangeListener, Subscription};
use crate::open::{self, Shared};
use crate::phone::{BootClock, DeviceSigner};

/// The open store of one courier.
///
/// Calls block for milliseconds: make them away from the main thread, as the facades do. Every
/// call may be made from any thread.
#[derive(uniffi::Object)]
pub struct Lastmile {
    pub(crate) shared: Arc<Shared>,
}

/// A document that the hub offered and this phone did not adopt.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RefusedDocument {
    /// Which.
    pub document: Document,
    /// The stable code, such as `DocumentFaulty`.
    pub code: String,
    /// All that is wrong with it, in words.
    pub advice: String,
}

impl From<&NotAdopted> for RefusedDocument {
    fn from(refused: &NotAdopted) -> Self {
        Self {
            document: refused.document,
            code: refused.why.code().to_owned(),
            advice: refused.why.to_string(),
        }
    }
}

#[uniffi::export]
impl Lastmile {
    /// Opens the store in `folder`, or makes it on first use.
    ///
    /// `key` seals it: 32 random bytes that the app makes once and keeps in the Keystore or the
    /// Keychain. With another key it fails with the code `WrongKey`, and nothing is touched.
    /// A second call for the same folder in this process gives the same store; the options of
    /// the first call stay. `offset_min` is the zone the app shows, in minutes ahead of UTC.
    /// The camera writes into `folder/capture`.
    #[uniffi::constructor(default(clock = None, signer = None))]
    pub fn open(
        folder: String,
        key: Vec<u8>,
        identity: Identity,
        offset_min: i16,
        durability: Durability,
        clock: Option<Arc<dyn BootClock>>,
        signer: Option<Arc<dyn DeviceSigner>>,
    ) -> Result<Self> {
        let key = data_key(key)?;
        open::open(Path::new(&folder), key, identity, |options| {
            options.clock = crate::phone::clock(offset_min, clock);
            options.durability = durability;
            options.signer = crate::phone::signer(signer);
        })
    }

    /// Records an act. When it returns, the act is safe on the phone.
    ///
    /// Fails with `Refused` if a rule speaks against it, and then has written nothing.
    pub fn record(&self, command: Command) -> Result<Recorded> {
        self.shared.telling(|courier| courier.record(&command), |recorded| recorded.lanes.clone())
    }

    /// Records an act that was done although a rule speaks against it, with the reason.
    pub fn record_done(&self, command: Command, reason: String) -> Result<Recorded> {
        self.shared.telling(
            |courier| courier.record_done(&command, &reason),
            |recorded| recorded.lanes.clone(),
        )
    }

    /// Records an act of before, which a phone that is lost had recorded and never sent, with the
    /// reason. `happened_ms` is when it happened by the courier's word, UTC milliseconds.
    pub fn attest_late(
        &self,
        command: Command,
        happened_ms: i64,
        reason: String,
    ) -> Result<Recorded> {
        self.shared.telling(
            |courier| courier.attest_late(&command, happened_ms, &reason),
            |recorded| recorded.lanes.clone(),
        )
    }

    /// Tells what a rule says against an act, without recording anything.
    pub fn check(&self, command: Command) -> Result<Option<Objection>> {
        Ok(self.shared.courier()?.check(&command)?.map(Objection::from))
    }

    /// Tells which parcels of a batch a rule speaks against, without recording anything. Empty for a
    /// command that is no batch.
    pub fn check_each(&self, command: Command) -> Result<Vec<LeftOut>> {
        Ok(self.shared.courier()?.check_each(&command)?)
    }

    /// Makes the id of a new exception case or complaint.
    pub fn new_case(&self) -> Result<CaseId> {
        Ok(self.shared.courier()?.new_case())
    }

    /// Takes a photo, video or signature from a file in the capture folder, for an act of `lane`. The
    /// file is deleted once its sealed copy is safe.
    pub fn capture_file(
        &self,
        lane: Lane,
        path: String,
        source: MediaSource,
    ) -> Result<EvidenceRef> {
        Ok(self.shared.courier()?.capture_file(&lane, Path::new(&path), source)?)
    }

    /// Takes a photo, video or signature from memory, for an act of `lane`.
    pub fn capture_bytes(
        &self,
        lane: Lane,
        bytes: Vec<u8>,
        source: MediaSource,
    ) -> Result<EvidenceRef> {
        Ok(self.shared.courier()?.capture_bytes(&lane, &bytes, source)?)
    }

    /// Keeps a small picture of a photo or video, to be shown at the station until the file itself is
    /// there: a JPEG, PNG or HEIC of at most 32 KiB, about 320 pixels wide. Call it right after the
    /// capture; one that was not sent yet is replaced. One of more than a quarter of its file's bytes
    /// is not kept. If it fails, the evidence is as safe as before: go on without it.
    pub fn add_preview(&self, evidence: EvidenceId, picture: Vec<u8>) -> Result<()> {
        Ok(self.shared.courier()?.add_preview(evidence, &picture)?)
    }

    /// Says where the phone is, or that it does not know. Kept in memory only.
    pub fn set_here(&self, here: Option<Here>) -> Result<()> {
        self.shared.courier()?.set_here(here);
        Ok(())
    }

    /// Returns whose store it is.
    pub fn identity(&self) -> Result<Identity> {
        Ok(self.shared.courier()?.identity().clone())
    }

    /// Lists the courier's open parcels, the nearest promise first.
    pub fn stops(&self) -> Result<Vec<Stop>> {
        Ok(self.shared.courier()?.stops()?)
    }

    /// Returns what a screen shows of a parcel, its recipient masked.
    pub fn parcel(&self, waybill: Waybill) -> Result<Option<ParcelView>> {
        Ok(self.shared.courier()?.parcel_view(&waybill)?)
    }

    /// Returns what a screen shows of a parcel's delivery: the recipient's wish, a redirection that
    /// waits, forms that are owed.
    pub fn delivery(&self, waybill: Waybill) -> Result<Option<DeliveryView>> {
        Ok(self.shared.courier()?.delivery_view(&waybill)?)
    }

    /// Returns the recipient of a parcel, masked as GB/T 41833 asks.
    pub fn recipient_masked(&self, waybill: Waybill) -> Result<Option<Person>> {
        Ok(self.shared.courier()?.recipient_masked(&waybill)?)
    }

    /// Shows a person of the waybill in the clear, and records that this courier was shown him and
    /// why. Asked again within minutes for the same reason, nothing more is recorded.
    ///
    /// Fails with `Refused` for a parcel that is not this courier's, and for a person who was
    /// erased or is to be erased. `RevealReason.Other` needs a `note`.
    #[uniffi::method(default(note = None))]
    pub fn reveal(
        &self,
        waybill: Waybill,
        party: Party,
        reason: RevealReason,
        note: Option<String>,
    ) -> Result<Person> {
        self.shared.telling(
            |courier| courier.reveal(&waybill, party, reason, note.as_deref()),
            |_| vec![Lane::Parcel(waybill.clone())],
        )
    }

    /// Returns the stay of a parcel that lies at a storage site; nothing if it does not.
    pub fn storage(&self, waybill: Waybill) -> Result<Option<StorageView>> {
        Ok(self.shared.courier()?.storage(&waybill)?)
    }

    /// Compares a pickup code that the recipient shows with those given out for his parcel.
    pub fn check_code(&self, waybill: Waybill, code: String) -> Result<CodeCheck> {
        Ok(self.shared.courier()?.check_code(&waybill, &code)?)
    }

    /// Renders a notice about a parcel from what is known here and what is `given`.
    ///
    /// Once it is sent, record it with `RecordNotice`, its `template` and `sha256`; or let the hub
    /// send it with `SendNotice`, its `template` and `text`.
    pub fn render_notice(
        &self,
        waybill: Waybill,
        template: String,
        language: Language,
        audience: Audience,
        given: Vec<SlotValue>,
    ) -> Result<Notice> {
        let courier = self.shared.courier()?;
        Ok(courier.render_notice(&waybill, &template, language, audience, given)?)
    }

    /// Warns about words of a message that evade, stay vague or are impolite. Never blocks.
    pub fn lint_message(&self, text: String) -> Result<Vec<Finding>> {
        Ok(self.shared.courier()?.lint_message(&text))
    }

    /// Keeps the badge that an enrolment or a session brought.
    pub fn keep_badge(&self, code: String) -> Result<()> {
        Ok(self.shared.courier()?.keep_badge(&code)?)
    }

    /// Returns the badge to be shown, with its QR code.
    pub fn badge(&self) -> Result<Option<BadgeCard>> {
        Ok(self.shared.courier()?.badge()?)
    }

    /// Offers parcels to another courier and returns the code his phone scans.
    pub fn offer_custody(&self, waybills: Vec<Waybill>, to: CourierNo) -> Result<TransferCode> {
        let offered = self.shared.telling(
            |courier| courier.offer_custody(&waybills, &to),
            |(_, recorded)| recorded.lanes.clone(),
        )?;
        Ok(offered.0)
    }

    /// Reads and checks a scanned code of a transfer. Nothing is recorded.
    pub fn read_transfer(&self, code: String) -> Result<TransferView> {
        Ok(self.shared.courier()?.read_transfer(&code)?)
    }

    /// Makes the answer to an offer that was accepted here, for the giver's phone to scan.
    pub fn answer_offer(&self, code: String) -> Result<TransferCode> {
        Ok(self.shared.courier()?.answer_offer(&code)?)
    }

    /// Says what became of every parcel of this shift; `counted` are those still in the van.
    pub fn shift_reconciliation(&self, counted: Vec<Waybill>) -> Result<ShiftReconciliation> {
        Ok(self.shared.courier()?.shift_reconciliation(&counted)?)
    }

    /// Makes the command that closes the shift, to be recorded.
    pub fn close_shift(&self, counted: Vec<Waybill>) -> Result<Command> {
        Ok(self.shared.courier()?.close_shift(&counted)?)
    }

    /// Explains a parcel: why it is marked, where it is, when it comes, whom to call.
    pub fn explain_parcel(&self, waybill: Waybill) -> Result<Option<ParcelExplanation>> {
        Ok(self.shared.courier()?.explain_parcel(&waybill)?)
    }

    /// Lists the open exception cases.
    pub fn open_exceptions(&self) -> Result<Vec<CaseId>> {
        Ok(self.shared.courier()?.open_exceptions()?)
    }

    /// Returns what a screen shows of an exception case.
    pub fn exception_case(&self, id: CaseId) -> Result<Option<ExceptionView>> {
        Ok(self.shared.courier()?.exception_view(id)?)
    }

    /// Lists the open exception cases: those without an owner first, then by the time of the next
    /// action.
    pub fn open_cases(&self) -> Result<Vec<OpenCase>> {
        Ok(self.shared.courier()?.open_cases()?)
    }

    /// Returns how the work on an exception case stands: what is missing, clocks, promises.
    pub fn case_work(&self, id: CaseId) -> Result<Option<CaseWorkView>> {
        Ok(self.shared.courier()?.case_work(id)?)
    }

    /// Returns what a kind of exception asks for before its case may be resolved.
    pub fn exception_checklist(&self, kind: ExceptionKind) -> Checklist {
        exception_checklist(kind)
    }

    /// Counts the exception cases known here by week, kind, cause and courier.
    pub fn exception_review(&self) -> Result<Vec<ReviewLine>> {
        Ok(self.shared.courier()?.exception_review()?)
    }

    /// Puts together what a customer's claim is supported with; refused unless he agreed.
    pub fn claim_packet(&self, id: CaseId) -> Result<ClaimPacket> {
        Ok(self.shared.courier()?.claim_packet(id)?)
    }

    /// Lists the courier's open pick-up orders, the window that ends first leading.
    pub fn pickups(&self) -> Result<Vec<OrderNo>> {
        Ok(self.shared.courier()?.pickups()?)
    }

    /// Returns what a screen shows of a pick-up order, its sender masked.
    pub fn pickup_order(&self, order: OrderNo) -> Result<Option<PickupView>> {
        Ok(self.shared.courier()?.pickup_view(&order)?)
    }

    /// Returns the sender of a pick-up order in the clear, to call him or to find his door.
    pub fn pickup_sender(&self, order: OrderNo) -> Result<Option<Person>> {
        Ok(self.shared.courier()?.pickup_sender(&order)?)
    }

    /// Lists what is missing or wrong about the persons of a waybill, all at once.
    pub fn waybill_errors(&self, sender: Person, recipient: Person) -> Vec<FieldError> {
        waybill_errors(&sender, &recipient)
    }

    /// Lists the open complaints, the oldest first.
    pub fn open_complaints(&self) -> Result<Vec<CaseId>> {
        Ok(self.shared.courier()?.open_complaints()?)
    }

    /// Returns what a screen shows of a complaint.
    pub fn complaint(&self, id: CaseId) -> Result<Option<ComplaintView>> {
        Ok(self.shared.courier()?.complaint_view(id)?)
    }

    /// Returns a lane's history, oldest first, and how far each event has come.
    pub fn history(&self, lane: Lane) -> Result<Vec<Entry>> {
        Ok(self.shared.courier()?.history(&lane)?)
    }

    /// Returns all that is known of a lane as JSON, for what no view shows: the members are those
    /// of the core's `Parcel`, `ExceptionCase` and `Complaint`. `None` if the lane is not known.
    pub fn lane_as_json(&self, lane: Lane) -> Result<Option<String>> {
        Ok(self.shared.courier()?.lane(&lane)?.map(|state| json::write(&state)))
    }

    /// Returns every clock of a lane that was started, open or stopped.
    pub fn deadlines(&self, lane: Lane) -> Result<Vec<DeadlineView>> {
        Ok(self.shared.courier()?.deadlines(&lane)?)
    }

    /// Lists the open clocks that end before `before_ms`, UTC milliseconds, the first first. What
    /// is over and not yet done is among them.
    pub fn deadlines_due(&self, before_ms: i64) -> Result<Vec<DeadlineView>> {
        Ok(self.shared.courier()?.deadlines_due(before_ms)?)
    }

    /// Returns the open clock that ends next from now on, for the app's next reminder.
    pub fn next_deadline(&self) -> Result<Option<DeadlineView>> {
        Ok(self.shared.courier()?.next_deadline()?)
    }

    /// Tells why a value of the policy, such as `first_contact_min`, is what it is.
    pub fn explain_policy(&self, value: String) -> Result<Explanation> {
        Ok(self.shared.courier()?.explain_policy(&value)?)
    }

    /// Returns the policy pack or directory that the hub offered last and this phone refused, with
    /// everything that is wrong with it. The one in force stays; show it to the station.
    pub fn not_adopted(&self) -> Result<Vec<RefusedDocument>> {
        Ok(self.shared.courier()?.not_adopted().iter().map(RefusedDocument::from).collect())
    }

    /// Returns how far everything has come.
    pub fn sync_status(&self) -> Result<SyncStatus> {
        Ok(self.shared.courier()?.sync_status()?)
    }

    /// Deletes photos and videos that the hub has, the oldest first, until those that are left take
    /// at most so many bytes. Returns how many they take then: more, if nothing else may go.
    pub fn shrink_media(&self, at_most: i64) -> Result<i64> {
        let at_most = u64::try_from(at_most).unwrap_or(0);
        let bytes = self.shared.courier()?.shrink_media(at_most)?;
        Ok(i64::try_from(bytes).unwrap_or(i64::MAX))
    }

    /// Returns what was saved if the store was found damaged when it was opened; it is sent again.
    pub fn salvaged(&self) -> Result<Option<Salvaged>> {
        Ok(self.shared.courier()?.salvaged()?)
    }

    /// Tells what keeps events and files from the hub, and news from the phone, by stable codes.
    /// Empty when everything is confirmed and nothing stands in the way.
    pub fn stalls(&self) -> Result<Vec<Stall>> {
        Ok(self.shared.courier()?.stalls()?)
    }

    /// Returns what a support desk needs to see of this store, as JSON. Nothing in it is personal.
    pub fn diagnostics(&self) -> Result<String> {
        Ok(json::write(&self.shared.courier()?.diagnostics()?))
    }

    /// Returns the next request of a channel. Never touches the network.
    pub fn next_request(&self, channel: SyncChannel) -> Result<Next> {
        Ok(self.shared.courier()?.next_request(channel)?)
    }

    /// Takes what came back for a request, part by part: an act of the courier's has its turn
    /// between two parts and never waits for all of a long answer.
    pub fn apply_reply(&self, id: u64, reply: HubReply) -> Result<()> {
        let taken = self.shared.take_reply(id, &reply);
        // What went before an error counts, and the status says what is wrong.
        self.shared.listeners.tell(&[]);
        taken
    }

    /// Reads a photo, video or signature that was captured here, to show it: at most `len` bytes
    /// from `offset`, and never more than a MiB at a time. None behind the end, which
    /// `EvidenceRef.bytes` tells.
    pub fn read_media(&self, evidence: EvidenceId, offset: u64, len: u64) -> Result<Vec<u8>> {
        Ok(self.shared.courier()?.read_media(evidence, offset, len)?)
    }

    /// Asks for news at the next opportunity, and ends the waiting after a failure.
    pub fn pull_soon(&self) -> Result<()> {
        self.shared.courier()?.pull_soon();
        Ok(())
    }

    /// Signs the courier in or out. A signed-out store still sends; it receives nothing.
    pub fn set_signed_in(&self, signed_in: bool) -> Result<()> {
        self.shared.telling(|courier| courier.set_signed_in(signed_in), |()| Vec::new())
    }

    /// Lets closed lanes leave the phone after the policy's days, a few at a time; returns how many
    /// did. Call it again until it is 0, when the phone is idle. Nothing unconfirmed ever leaves.
    pub fn tidy(&self) -> Result<u32> {
        Ok(self.shared.courier()?.tidy()?)
    }

    /// Lets `key` open the store from now on, and no other. Nothing that is stored is written again.
    ///
    /// Keep both keys until this returns: if the phone dies meanwhile, one of the two opens it.
    pub fn rotate_key(&self, key: Vec<u8>) -> Result<()> {
        let key = data_key(key)?;
        Ok(self.shared.courier()?.rotate_key(key)?)
    }

    /// Closes every file, so that the system may suspend the app.
    pub fn suspend(&self) -> Result<()> {
        Ok(self.shared.courier()?.suspend()?)
    }

    /// Opens the files again.
    pub fn resume(&self) -> Result<()> {
        self.shared.telling(lastmile_core::Courier::resume, |()| Vec::new())
    }

    /// Tells `listener` of every change until the subscription is dropped, and at once that it
    /// should read what it shows.
    pub fn subscribe(&self, listener: Arc<dyn ChangeListener>) -> Result<Subscription> {
        self.shared.listeners.add(listener)
    }
}

/// Reads the app's key and wipes the copy that it came in.
fn data_key(bytes: Vec<u8>) -> Result<DataKey> {
    Ok(DataKey::from_bytes(&Zeroizing::new(bytes))?)
}

impl Drop for Lastmile {
    fn drop(&mut self) {
        open::close(&self.shared);
    }
}
