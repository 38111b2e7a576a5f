//! Commands: what a courier or a clerk asks for. Rules decide; then a fact is recorded, or a refusal
//! tells what to do.

use serde::{Deserialize, Serialize};

use crate::complaint::{ComplaintClass, ComplaintSource};
use crate::delivery::{
    AttemptFailure, Channel, DelayCause, HandoverMethod, IdentityCheck, Inspection, Party,
    ProofItem, RedirectReply, RefusalClass, Wish,
};
use crate::event::{CorrectionReason, Lane};
use crate::evidence::EvidenceRef;
use crate::exception_report::{
    CaseDuty, CaseParty, Cause, Decision, DoorWish, ExceptionKind, MisdeliveryStep, Promised, Shown,
};
use crate::id::{
    CaseId, ClerkNo, CourierNo, Digest, EventId, ManifestId, OrderNo, SiteId, TransferId,
};
use crate::money::Fen;
use crate::parcel::{FreezeReason, GoodsFlags};
use crate::pickup::{CollectionRefusal, FeeLine, LateReason, OrderSource, PickupAnswers};
use crate::privacy::{ErasureReason, Person, RevealReason};
use crate::temporary_storage::{ConsentGiver, Liability, LockerSlot};
use crate::waybill::Waybill;

/// What a person wants to do. Names, notes and reasons stand here in the clear; what is recorded
/// of them is a vault reference. `Debug` is not derived: a command must not land in a log.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Counts the morning's parcels: `scanned` against what the station expects for this courier
    /// or has announced (M19). Custody starts here.
    ReconcileManifest {
        /// The list.
        manifest: ManifestId,
        /// Every waybill expected.
        expected: Vec<Waybill>,
        /// Every waybill scanned.
        scanned: Vec<Waybill>,
        /// Those scanned that are visibly damaged.
        damaged: Vec<Waybill>,
    },
    /// Takes parcels out for delivery (派件). One group per parcel.
    TakeOut {
        /// The parcels.
        waybills: Vec<Waybill>,
    },
    /// Records a call or message to a person of the waybill (M21).
    Contact {
        /// The parcel.
        waybill: Waybill,
        /// How.
        channel: Channel,
        /// Who.
        party: Party,
        /// Whether somebody answered.
        reached: bool,
    },
    /// Records that the courier stands at the address.
    Arrive {
        /// The parcel.
        waybill: Waybill,
    },
    /// Hands the parcel over (M22, M23, M51).
    Deliver {
        /// The parcel.
        waybill: Waybill,
        /// How.
        method: HandoverMethod,
        /// Name of the agent, or the place, when it is not the recipient himself.
        taker: Option<String>,
        /// The identity check.
        identity: IdentityCheck,
        /// The label's address was compared with the door a second time.
        address_checked: bool,
        /// The offer to inspect, and what came of it.
        inspection: Inspection,
        /// What shows it.
        proof: Vec<ProofItem>,
    },
    /// Records a failed attempt (M29, M45).
    FailAttempt {
        /// The parcel.
        waybill: Waybill,
        /// Why.
        cause: AttemptFailure,
    },
    /// Records an agreed second delivery (M29).
    ScheduleRedelivery {
        /// The parcel.
        waybill: Waybill,
        /// Start of the window, UTC milliseconds.
        from_ms: i64,
        /// End of the window, UTC milliseconds.
        to_ms: i64,
        /// How it was agreed.
        channel: Channel,
    },
    /// Records that the recipient refuses the parcel (M35).
    Refuse {
        /// The parcel.
        waybill: Waybill,
        /// What he does not want.
        class: RefusalClass,
        /// In his words.
        reason: Option<String>,
    },
    /// Sends the parcel back; needs the station's authorisation (M35).
    StartReturn {
        /// The parcel.
        waybill: Waybill,
    },
    /// Hands several parcels over in one act, at one building to one taker: each is judged by
    /// itself, and those that no rule speaks against are recorded in one transaction, a group each.
    /// The others are named in what comes back, with the rule; they are still in the courier's
    /// hands. If a rule speaks against every one, nothing is written.
    DeliverMany {
        /// The parcels.
        waybills: Vec<Waybill>,
        /// How.
        method: HandoverMethod,
        /// Name of the agent, or the place, when it is not the recipient himself.
        taker: Option<String>,
        /// The identity check.
        identity: IdentityCheck,
        /// Each label's address was compared with the door a second time.
        address_checked: bool,
        /// The offer to inspect, and what came of it.
        inspection: Inspection,
        /// What shows it, captured for the first parcel of the list. Each of the others gets an
        /// item of its own with the same file.
        proof: Vec<ProofItem>,
    },
    /// Stores several parcels at one site in one act, each on its own consent. What a rule speaks
    /// against is left out and named, as in `DeliverMany`.
    StoreMany {
        /// The parcels, with the code and the slot of each if the site has such.
        parcels: Vec<ToStore>,
        /// The site.
        site: SiteId,
        /// The last moment to collect them, UTC milliseconds.
        collect_before_ms: i64,
        /// A photo of them in their place, captured for the first parcel of the list.
        photo: Option<EvidenceRef>,
    },
    /// Offers an absent recipient a second delivery (M29, T05). Opens the way to storage, if he
    /// then consents to that instead.
    OfferAppointment {
        /// The parcel.
        waybill: Waybill,
        /// Start of the window, UTC milliseconds.
        from_ms: i64,
        /// End of the window, UTC milliseconds.
        to_ms: i64,
        /// How it is offered.
        channel: Channel,
    },
    /// Records how the recipient wants his parcel (M38): a clerk, or a courier whom he told. The
    /// latest wish counts; under way it asks for an answer like a redirection.
    SetPreference {
        /// The parcel.
        waybill: Waybill,
        /// What he wants.
        wish: Wish,
        /// The place he names, for a named place.
        place: Option<String>,
        /// Who said it. Never the courier.
        said_by: ConsentGiver,
        /// How he said it.
        channel: Channel,
        /// What shows it.
        evidence: Option<EvidenceRef>,
    },
    /// Records that the customer wants it delivered elsewhere (改派, M34). Starts the one-hour clock.
    RequestRedirect {
        /// The parcel.
        waybill: Waybill,
        /// Who is to get it, and where: name, phone and address are all needed.
        to: Person,
        /// How he said so.
        channel: Channel,
    },
    /// Answers the redirection that waits (M34). When accepted, the new address counts at once.
    AnswerRedirect {
        /// The parcel.
        waybill: Waybill,
        /// The answer.
        reply: RedirectReply,
        /// Why, in words; needed for a reason of the class `other`.
        reason: Option<String>,
    },
    /// Records that the courier told the station by phone (M35, M42).
    LogStationCall {
        /// The parcel.
        waybill: Waybill,
        /// How.
        channel: Channel,
    },
    /// Records that the customer was told of a delay, with the time by which it comes (M27).
    NotifyDelay {
        /// The parcel.
        waybill: Waybill,
        /// Why.
        cause: DelayCause,
        /// Where it is now, as the customer was told.
        position: Option<String>,
        /// When it will come, UTC milliseconds; in the future.
        eta_ms: i64,
        /// How he was told.
        channel: Channel,
    },
    /// Records that the recipient signed the sender's paper form (签收回单, M37).
    SignReceiptForm {
        /// The parcel.
        waybill: Waybill,
        /// The signature is clear and complete.
        clear: bool,
        /// A photo of the signed form.
        photo: Option<EvidenceRef>,
    },
    /// Records that the signed form is at the station (M37).
    HandInReceiptForm {
        /// The parcel.
        waybill: Waybill,
    },
    /// Asks the recipient for consent to storage.
    AskConsent {
        /// The parcel.
        waybill: Waybill,
        /// How.
        channel: Channel,
        /// The site offered.
        site: SiteId,
    },
    /// Records the recipient's consent (M31).
    RecordConsent {
        /// The parcel.
        waybill: Waybill,
        /// Who agreed.
        given_by: ConsentGiver,
        /// The one site agreed on.
        site: SiteId,
        /// The end of the agreed period, UTC milliseconds.
        until_ms: i64,
        /// Who carries the risk.
        liability: Liability,
        /// How it was given.
        channel: Channel,
        /// What shows it.
        evidence: Option<EvidenceRef>,
    },
    /// Records that the recipient does not want storage.
    DeclineStorage {
        /// The parcel.
        waybill: Waybill,
        /// How he said so.
        channel: Channel,
    },
    /// Records that the recipient takes his consent back.
    RevokeConsent {
        /// The parcel.
        waybill: Waybill,
    },
    /// Stores the parcel at the site the recipient agreed to (M31-M33).
    Store {
        /// The parcel.
        waybill: Waybill,
        /// The site.
        site: SiteId,
        /// The last moment to collect it, UTC milliseconds.
        collect_before_ms: i64,
        /// The pickup code the site gave, if it gives one. Where the library gives them out, leave
        /// it empty: the next of the phone's lease is taken, or none when that is spent.
        code: Option<String>,
        /// A photo of it in its place.
        photo: Option<EvidenceRef>,
        /// The slot, if the site is a locker that has named ones: then nobody else's parcel is put
        /// into it by mistake, and the recipient is told which (C6.12).
        slot: Option<LockerSlot>,
    },
    /// Records that a notice went out, with the text as sent (M27, M32): T01 and T01B tell of
    /// storage, T01R reminds of it, any other of something else.
    RecordNotice {
        /// The parcel.
        waybill: Waybill,
        /// How.
        channel: Channel,
        /// The template's id and version, such as `T01.1`.
        template: String,
        /// SHA-256 of the text as sent; `None` if it could not be sent.
        text: Option<Digest>,
    },
    /// Hands a finished notice to the hub, which sends it once and records that, or that it could
    /// not be sent (M27, M32).
    SendNotice {
        /// The parcel.
        waybill: Waybill,
        /// Who gets it.
        to: Party,
        /// How: by SMS or in the app.
        channel: Channel,
        /// The template's id and version, such as `T01.1`.
        template: String,
        /// The text to send.
        text: String,
    },
    /// Records that the recipient collected a stored parcel.
    PickUp {
        /// The parcel.
        waybill: Waybill,
        /// Its label was scanned.
        scanned: bool,
        /// The code he showed, if he showed one; compared with those that were given out (C6.11).
        code: Option<String>,
    },
    /// Lets a stored parcel lie longer: on the consent there is, or on a new one (M33).
    ExtendStorage {
        /// The parcel.
        waybill: Waybill,
        /// The last moment to collect it, UTC milliseconds.
        collect_before_ms: i64,
    },
    /// Gives a stored parcel another pickup code; the recipient is to be told anew (C6.11).
    ReplaceCode {
        /// The parcel.
        waybill: Waybill,
        /// The code the site gave; none: as for `Store`.
        code: Option<String>,
    },
    /// Says in which slot of its locker a stored parcel really lies; a recipient who was told another
    /// one is to be told anew. Ends the question when two parcels are said to lie in one (C6.12).
    CorrectSlot {
        /// The parcel.
        waybill: Waybill,
        /// The slot in which it was seen.
        slot: LockerSlot,
    },
    /// Takes a stored parcel back from the keeper of the site, at the end of its stay.
    HandBack {
        /// The parcel.
        waybill: Waybill,
        /// Its label was scanned.
        scanned: bool,
    },
    /// Station: says that the last moment to collect a stored parcel is over.
    ExpireStorage {
        /// The parcel.
        waybill: Waybill,
    },
    /// Takes a stored parcel out again for redelivery.
    Retrieve {
        /// The parcel.
        waybill: Waybill,
        /// Its label was scanned.
        scanned: bool,
    },
    /// Reports an exception (M41, M42). Prohibited goods freeze the parcel in the same act.
    ReportException {
        /// The case, from `new_case`.
        case: CaseId,
        /// What is wrong.
        kind: ExceptionKind,
        /// The parcel, if one is concerned.
        waybill: Option<Waybill>,
        /// Photos and videos.
        evidence: Vec<EvidenceRef>,
        /// What each of them shows, in the same order; what is left out shows nothing in
        /// particular (M44).
        #[serde(default)]
        shows: Vec<Shown>,
        /// What the courier saw.
        note: Option<String>,
    },
    /// Adds evidence to a case.
    AddEvidence {
        /// The case.
        case: CaseId,
        /// The item.
        evidence: EvidenceRef,
        /// What it shows (M44).
        shows: Option<Shown>,
    },
    /// Takes a complaint (M65). The four fields are the least that is ever saved.
    ReceiveComplaint {
        /// The case, from `new_case`.
        case: CaseId,
        /// The parcel.
        waybill: Waybill,
        /// Who complains: name and phone are needed.
        complainant: Person,
        /// What he wants.
        demand: String,
        /// Where it came from.
        source: ComplaintSource,
        /// What it is about.
        class: ComplaintClass,
        /// The courier it is about, if one is named.
        about: Option<CourierNo>,
    },
    /// Records a contact with the complaining customer (M54).
    ContactCustomer {
        /// The case.
        case: CaseId,
        /// How.
        channel: Channel,
        /// The customer answered.
        reached: bool,
    },
    /// Offers parcels to another courier (C4.1). Made by [`Courier::offer_custody`], which signs
    /// the code that goes with it.
    ///
    /// [`Courier::offer_custody`]: crate::Courier::offer_custody
    OfferCustody {
        /// The transfer.
        transfer: TransferId,
        /// The parcels.
        waybills: Vec<Waybill>,
        /// Who is to have them.
        to: CourierNo,
        /// The last moment to accept them, UTC milliseconds.
        until_ms: i64,
    },
    /// Takes the parcels that another courier offers (C4.1). One group per parcel.
    AcceptCustody {
        /// The giver's code, as scanned.
        code: String,
        /// Parcels of the offer that were not there.
        missing: Vec<Waybill>,
    },
    /// Records that another courier has the parcels offered to him, by his own signed answer.
    ConfirmCustody {
        /// The receiver's code, as scanned.
        code: String,
    },
    /// Hands parcels in at the station: at the end of the day, or because they may not go on.
    HandIn {
        /// The parcels.
        waybills: Vec<Waybill>,
    },
    /// Closes the working day: every parcel is accounted for. Made by
    /// [`Courier::close_shift`], which knows what was with him.
    ///
    /// [`Courier::close_shift`]: crate::Courier::close_shift
    CloseShift {
        /// Every parcel that was with him in this shift.
        had: Vec<Waybill>,
        /// Those that are still with him, as scanned.
        counted: Vec<Waybill>,
    },
    /// Declares that a recorded event did not happen or has wrong data.
    Correct {
        /// The lane of the event, in its text form.
        lane: Lane,
        /// The event.
        event: EventId,
        /// What is wrong with it.
        reason: CorrectionReason,
        /// Why.
        note: String,
    },
    /// Station: announces a parcel (import of a manifest).
    Announce {
        /// The parcel.
        waybill: Waybill,
        /// The recipient.
        recipient: Person,
        /// The sender.
        sender: Person,
        /// What care it asks for.
        goods: GoodsFlags,
        /// Promised delivery, UTC milliseconds.
        promise_ms: Option<i64>,
        /// Freight paid.
        freight: Fen,
        /// Insured value, if insured.
        insured: Option<Fen>,
    },
    /// Station: gives a parcel to a courier; the second time it is a reassignment (M13).
    Assign {
        /// The parcel.
        waybill: Waybill,
        /// The courier.
        courier: CourierNo,
    },
    /// Station: freezes a parcel (M06).
    Freeze {
        /// The parcel.
        waybill: Waybill,
        /// Why.
        reason: FreezeReason,
    },
    /// Station: releases a frozen parcel.
    Release {
        /// The parcel.
        waybill: Waybill,
    },
    /// Station: wants the parcel back.
    Recall {
        /// The parcel.
        waybill: Waybill,
        /// For safety: freezes it as well.
        safety: bool,
    },
    /// Station: allows a return (M35).
    AuthoriseReturn {
        /// The parcel.
        waybill: Waybill,
    },
    /// Station: the sender has it again; ends the return (M35).
    CompleteReturn {
        /// The parcel.
        waybill: Waybill,
    },
    /// Station: acknowledges an exception and owns it (M47).
    Acknowledge {
        /// The case.
        case: CaseId,
        /// The owner.
        owner: ClerkNo,
        /// When he will act next, UTC milliseconds.
        next_action_ms: i64,
    },
    /// Station: decides an exception.
    DecideException {
        /// The case.
        case: CaseId,
        /// What is to be done.
        decision: Decision,
        /// Why.
        note: Option<String>,
    },
    /// Station: resolves an exception; the cause is mandatory (M46).
    ResolveException {
        /// The case.
        case: CaseId,
        /// Where it came from.
        cause: Cause,
    },
    /// Station: there was nothing wrong.
    VoidException {
        /// The case.
        case: CaseId,
    },
    /// Station or courier: owns a complaint (M55).
    TakeComplaint {
        /// The case.
        case: CaseId,
    },
    /// Station: closes a complaint.
    CloseComplaint {
        /// The case.
        case: CaseId,
        /// How it ended.
        outcome: String,
    },
    /// Is shown a person of the waybill in the clear (M02). [`Courier::reveal`] records it and
    /// returns the person; recorded alone it shows nobody.
    ///
    /// [`Courier::reveal`]: crate::Courier::reveal
    Reveal {
        /// The parcel.
        waybill: Waybill,
        /// Who.
        party: Party,
        /// Why.
        reason: RevealReason,
        /// Why in words; needed with [`RevealReason::Other`].
        note: Option<String>,
    },
    /// Station: erases a person (M02, C6 row 20). His entry, every text of the lane, and the photos,
    /// videos and signatures that may show him or his home go from the hub and from every phone; of
    /// a parcel, those of its cases too. The other party's entry and pictures stay, and so do all
    /// events.
    ErasePerson {
        /// The lane: a parcel's, or a case's or complaint's by itself.
        lane: Lane,
        /// Who.
        party: Party,
        /// Why.
        reason: ErasureReason,
    },
    /// Station: rules a conflict of two facts.
    RuleConflict {
        /// The parcel.
        waybill: Waybill,
        /// The event that made the conflict.
        conflict: EventId,
        /// The event that counts.
        stands: EventId,
        /// Why.
        note: String,
    },

    // Pick-up.
    /// Station: takes a sender's order to have a parcel fetched (M10, M11).
    AnnouncePickup {
        /// The order.
        order: OrderNo,
        /// Where it came from.
        source: OrderSource,
        /// The sender: name, phone and address are needed.
        sender: Person,
        /// What he sends, in his words.
        contents: Option<String>,
        /// How many pieces; at least 1.
        quantity: u32,
        /// What care it asks for.
        goods: GoodsFlags,
        /// Start of the window he wishes, UTC milliseconds.
        from_ms: i64,
        /// End of the window he wishes, UTC milliseconds.
        to_ms: i64,
    },
    /// Station: gives an order to a courier, or to another one (M13).
    AssignPickup {
        /// The order.
        order: OrderNo,
        /// The courier.
        courier: CourierNo,
    },
    /// Records a window agreed with the sender (M10).
    SchedulePickup {
        /// The order.
        order: OrderNo,
        /// Start of the window, UTC milliseconds.
        from_ms: i64,
        /// End of the window, UTC milliseconds.
        to_ms: i64,
        /// How it was agreed.
        channel: Channel,
    },
    /// Records that the sender was told, with an apology, of a later time (M10).
    TellPickupDelay {
        /// The order.
        order: OrderNo,
        /// Why.
        reason: LateReason,
        /// When the courier will be there, UTC milliseconds.
        eta_ms: i64,
        /// How the sender was told.
        channel: Channel,
    },
    /// Records answers of the pick-up check, all of them or some (M04, M05, M07).
    InspectPickup {
        /// The order.
        order: OrderNo,
        /// What was answered.
        answers: PickupAnswers,
        /// What is wrong with it; needed when the state is not clean or the name does not match.
        anomaly: Option<String>,
        /// A photo of the packing; needed when it is not fit as it is.
        photo: Option<EvidenceRef>,
    },
    /// Takes the parcel from its sender (M04-M09). Opens the parcel's lane in the same act; the
    /// courier holds it from now on.
    CollectParcel {
        /// The order.
        order: OrderNo,
        /// The number on its label.
        waybill: Waybill,
        /// The sender as the waybill names him.
        sender: Person,
        /// The recipient as the waybill names him.
        recipient: Person,
        /// The parts of what the sender pays, as the hub's rate says.
        fees: Vec<FeeLine>,
        /// What he pays, fen: the sum of the parts.
        total: Fen,
        /// Promised delivery, UTC milliseconds.
        promise_ms: Option<i64>,
    },
    /// Does not take the parcel (M05, M06). Ends the order.
    RefuseCollection {
        /// The order.
        order: OrderNo,
        /// Why.
        reason: CollectionRefusal,
        /// More of it.
        note: Option<String>,
    },

    // Exception cases.
    /// Damage seen together with the customer at the door (M24, M44): one act records what became of
    /// the parcel, the case and its evidence.
    ReportDoorDamage {
        /// The parcel.
        waybill: Waybill,
        /// The case, from `new_case`; its photos are captured for it.
        case: CaseId,
        /// Photos and videos of the damage.
        evidence: Vec<EvidenceRef>,
        /// What each of them shows, in the same order.
        #[serde(default)]
        shows: Vec<Shown>,
        /// Whether the customer takes it all the same.
        wants: DoorWish,
        /// How the customer was recognised.
        identity: IdentityCheck,
        /// The label's address was compared with the door a second time.
        address_checked: bool,
        /// What shows the hand-over, if he takes it.
        proof: Vec<ProofItem>,
        /// What was seen, in words.
        note: Option<String>,
    },
    /// Excuses something a case asks for, with a reason (M44).
    ExcuseDuty {
        /// The case.
        case: CaseId,
        /// What cannot be had.
        duty: CaseDuty,
        /// Why.
        reason: String,
    },
    /// Records that somebody concerned was told of a case (M44).
    NotifyParty {
        /// The case.
        case: CaseId,
        /// Who.
        party: CaseParty,
        /// How.
        channel: Channel,
    },
    /// Records a promise to a customer (M51): its clock runs as said.
    MakePromise {
        /// The case.
        case: CaseId,
        /// What.
        promise: Promised,
        /// By when, UTC milliseconds.
        until_ms: i64,
    },
    /// Records that a promise was kept.
    KeepPromise {
        /// The case.
        case: CaseId,
        /// Which.
        promise: Promised,
    },
    /// Records a step of what is done about a misdelivery (M51).
    TakeMisdeliveryStep {
        /// The case.
        case: CaseId,
        /// Which.
        step: MisdeliveryStep,
    },
    /// Writes the error analysis of a case (M51). All texts are needed.
    ReportErrorAnalysis {
        /// The case.
        case: CaseId,
        /// What happened.
        what: String,
        /// Why.
        why: String,
        /// What is done against it.
        remedy: String,
        /// It asks for a second look at the address before each hand-over.
        second_address_check: bool,
    },
    /// Records whether the customer wants help with his claim (M48).
    RecordClaimConsent {
        /// The case.
        case: CaseId,
        /// He agreed.
        agreed: bool,
        /// How he said so.
        channel: Channel,
    },
    /// Station: asks a courier to take part in a case (M49).
    AddParticipant {
        /// The case.
        case: CaseId,
        /// Who.
        courier: CourierNo,
    },
    /// Notes what was done or found out (M49).
    NoteProgress {
        /// The case.
        case: CaseId,
        /// In words.
        note: String,
    },
    /// Asks for somebody above the station (C2).
    EscalateException {
        /// The case.
        case: CaseId,
        /// Why.
        reason: String,
    },
    /// Station: files a resolved case (C2).
    CloseException {
        /// The case.
        case: CaseId,
    },
    /// Station: opens a case again that had ended (C2, C6.13).
    ReopenException {
        /// The case.
        case: CaseId,
        /// The owner.
        owner: ClerkNo,
        /// When he will act next, UTC milliseconds.
        next_action_ms: i64,
        /// Why.
        reason: String,
    },
    /// Station: the address or the recipient of a parcel is another one (C6.9).
    CorrectAddress {
        /// The parcel.
        waybill: Waybill,
        /// The recipient with the right address.
        recipient: Person,
    },
}

/// One parcel of a [`Command::StoreMany`].
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ToStore {
    /// The parcel.
    pub waybill: Waybill,
    /// The pickup code the site gave, if it gives one.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub code: Option<String>,
    /// The slot, if the site is a locker that has named ones.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub slot: Option<LockerSlot>,
}

impl Command {
    /// Returns the slots of lockers that the command names, each with the parcel it is for.
    pub fn slots(&self) -> Vec<(&Waybill, &LockerSlot)> {
        match self {
            Self::Store { waybill, slot, .. } => slot.iter().map(|slot| (waybill, slot)).collect(),
            Self::CorrectSlot { waybill, slot } => vec![(waybill, slot)],
            Self::StoreMany { parcels, .. } => parcels
                .iter()
                .filter_map(|parcel| Some((&parcel.waybill, parcel.slot.as_ref()?)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the evidence the command names, each with the lane it must have been captured for.
    pub fn evidence(&self) -> Vec<(Lane, &EvidenceRef)> {
        match self {
            Self::Deliver { waybill, proof, .. } => proof
                .iter()
                .filter_map(|item| item.evidence.as_ref())
                .map(|item| (Lane::Parcel(waybill.clone()), item))
                .collect(),
            // Captured for the first of them.
            Self::DeliverMany { waybills, proof, .. } => {
                let items = proof.iter().filter_map(|item| item.evidence.as_ref());
                waybills
                    .first()
                    .map(|first| items.map(|item| (Lane::Parcel(first.clone()), item)).collect())
                    .unwrap_or_default()
            }
            Self::StoreMany { parcels, photo, .. } => {
                let first = parcels.first().map(|first| Lane::Parcel(first.waybill.clone()));
                first.into_iter().zip(photo).collect()
            }
            Self::RecordConsent { waybill, evidence: item, .. }
            | Self::SetPreference { waybill, evidence: item, .. }
            | Self::SignReceiptForm { waybill, photo: item, .. }
            | Self::Store { waybill, photo: item, .. } => {
                item.iter().map(|item| (Lane::Parcel(waybill.clone()), item)).collect()
            }
            Self::ReportException { case, evidence, .. } => {
                evidence.iter().map(|item| (Lane::Exception(*case), item)).collect()
            }
            Self::AddEvidence { case, evidence, .. } => vec![(Lane::Exception(*case), evidence)],
            Self::InspectPickup { order, photo, .. } => {
                photo.iter().map(|photo| (Lane::Pickup(order.clone()), photo)).collect()
            }
            Self::ReportDoorDamage { waybill, case, evidence, proof, .. } => {
                let proof = proof.iter().filter_map(|item| item.evidence.as_ref());
                let proof = proof.map(|item| (Lane::Parcel(waybill.clone()), item));
                proof.chain(evidence.iter().map(|item| (Lane::Exception(*case), item))).collect()
            }
            _ => Vec::new(),
        }
    }
}
