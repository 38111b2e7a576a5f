//! Refusals: what a rule says before the act, in words that help the person who meets it.
//!
//! The list is closed and its codes never change. The advice says what to do next and holds no
//! personal data. An act that was done all the same is recorded against its refusal, with a
//! reason; an act that leaves nothing to record, or that only a wish or an order would make
//! true, is not.

/// Declares the refusals: name (which is the code), whether a done act may be recorded against
/// it, and the advice.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident, $against:ident, $advice:literal;)*) => {
        /// A rule speaks against an act. Nothing was written.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        pub enum Refusal {
            $($(#[$doc])* #[error($advice)] $name,)*
        }

        impl Refusal {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the stable code, which never changes between releases.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Returns what to do next.
            pub fn advice(&self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }

            /// Tells whether an act already done may be recorded against this refusal with a
            /// reason.
            pub fn can_be_recorded_against(&self) -> bool {
                match self { $(Self::$name => refusals!(@ $against),)* }
            }
        }
    };
    (@ done) => { true };
    (@ never) => { false };
}

refusals! {
    // Who and where.
    /// This kind of actor may not do it.
    NotForThisActor, never, "this act belongs to another role; ask the station";
    /// The parcel belongs to another station.
    NotYourStation, never, "the parcel belongs to another station; call that station";
    /// The parcel has no lane here.
    UnknownParcel, never,
        "the parcel is not known here; check the number, sync, or report an exception";
    /// The case has no lane here.
    UnknownCase, never, "the case is not known here; sync first";
    /// The parcel was announced before.
    AlreadyAnnounced, never, "the parcel is announced already; nothing is to be done";
    /// The case was opened before.
    DuplicateCase, never, "this case is open already; add to it, or start a new one";
    /// The lane holds something only a newer release understands.
    UpdateApp, never,
        "a newer release wrote here; update the app, what is done meanwhile can be recorded";
    /// A list is too long for one event.
    BatchTooLarge, never, "the list is too long; split it into smaller ones";
    /// A list is empty.
    NothingGiven, never, "the list is empty; scan at least one parcel";
    /// Somebody else recorded the event.
    NotYourRecord, never, "somebody else recorded this; ask the station to correct it";
    /// There is no such conflict, or the event is no part of it.
    NoSuchConflict, never, "this conflict is not known here, or the event is no part of it";

    // Persons.
    /// The courier neither has the parcel nor is to deliver it.
    NotInSight, never,
        "the persons of a parcel are shown to who delivers it; ask the station if you must call";
    /// Another reason was named, but not said.
    RevealReasonMissing, never, "say in words why you need it; the person may ask";
    /// The person was erased.
    Erased, never, "the person was erased and cannot be shown; ask the station";
    /// A case about the parcel is open, or its time for claims is not over.
    ErasureHeld, never,
        "the person stays masked, and is erased when the last complaint, exception and conflict \
         about the parcel is closed and the time for claims is over; erase again then";
    /// The vault has nothing of it.
    NothingToErase, never, "nothing personal is kept here any more; nothing is to be done";

    // The parcel.
    /// It was handed over or collected.
    AlreadyDelivered, done, "the parcel is delivered already; report a misdelivery if it is not so";
    /// It is on its way back, or back.
    AlreadyReturned, done, "the parcel goes back to the sender; call the station";
    /// Only hold, hand-in and release are allowed.
    Frozen, done, "the parcel is stopped; keep it safe, hand it in at the station, do not move it on";
    /// It is wanted back.
    Recalled, done, "the parcel is recalled; do not hand it over, bring it back to the station";
    /// It lies at a storage site.
    InStorage, done, "the parcel lies at a storage site; retrieve it first";
    /// The recipient refused it.
    RefusalPending, done, "the recipient refused it; call the station and wait for its decision";
    /// It was not scanned at the station.
    NotAtStation, done, "the parcel was not received at the station; scan it there first";
    /// It was given to another courier, or to nobody.
    NotAssignedToYou, done, "the parcel is not given to you; hand it in or ask the station";
    /// Somebody else has it.
    NotHeldByYou, done, "the parcel is not in your hands by the record; scan it out first";
    /// It was not taken out for delivery.
    NotOutForDelivery, done, "the parcel was not taken out; take it out for delivery first";
    /// It is out for delivery already.
    AlreadyOut, never, "the parcel is out for delivery with you already";
    /// The courier has it already.
    AlreadyAssigned, never, "the parcel is given to this courier already";
    /// It is stopped already.
    AlreadyFrozen, never, "the parcel is stopped already";
    /// It is not stopped.
    NotFrozen, never, "the parcel is not stopped; nothing is to be released";
    /// It is wanted back already.
    AlreadyRecalled, never, "the parcel is recalled already";

    // At the door.
    /// The label's address was not compared with the door.
    AddressNotChecked, done, "compare the address on the label with the door once more";
    /// The taker was not recognised.
    IdentityNotMatched, done, "check who takes it against the waybill; do not hand it to others";
    /// The identity check does not fit the method.
    IdentityNotForMethod, done, "say how you recognised who took it, or that nobody was there";
    /// The inspection does not fit the method.
    InspectionNotForMethod, done,
        "offer the taker to inspect it and say what came of it, or that nobody was there";
    /// The proof that the method needs is missing.
    ProofMissing, done, "this way of handing over needs more proof: take a photo or a signature";
    /// PIN or ID check with a parcel left at a place.
    ProofNotForMethod, done, "nobody was there to give a PIN or show an ID card; take a photo";
    /// A photo or signature without its file.
    ProofWithoutFile, done, "a photo or signature is named but was not captured; capture it";
    /// An agent or a place has no name.
    TakerMissing, done, "write the name of who took it, or the place where it lies";
    /// Nobody consented to a named place.
    PlaceWithoutConsent, done, "ask the recipient whether it may be left there, and record it";
    /// Only a hand-over at the door is allowed.
    DoorOnly, done, "this parcel may only be handed over at the door; agree on a second delivery";
    /// The address needs more tries.
    ContactFirst, done, "try the recipient and the sender on two different channels first";
    /// The appointment is over before it starts, or lies in the past.
    AppointmentNotPossible, never, "give a window that ends in the future and after its start";
    /// The free attempts are used up (policy `attempt_limit`).
    AttemptsUsedUp, done,
        "the free attempts are used up; ask the station what becomes of the parcel";
    /// The station has not allowed the return.
    ReturnNotAuthorised, done, "the station must allow the return; call it and keep the parcel";
    /// The return is allowed already.
    AlreadyAuthorised, never, "the return is allowed already";
    /// The parcel is not on its way back.
    ReturnNotStarted, never, "the parcel is not on its way back; record the start of the return";

    // Wishes, delays and forms.
    /// A named place without its name.
    PlaceNotNamed, never, "write the place where the recipient wants it left";
    /// A redirection without a whole address.
    NewAddressIncomplete, never,
        "write the name, the phone number and the full address where it is to go";
    /// An earlier redirection waits.
    RedirectPending, never, "a redirection waits for its answer; accept or decline it first";
    /// There is no redirection to answer.
    NoRedirect, never, "no redirection waits for an answer; nothing is to be done";
    /// A redirection is declined without a reason.
    DeclineReasonMissing, never, "write why the redirection is declined; the customer will ask";
    /// The recipient does not count as unreachable yet.
    NotUnreachable, never,
        "write to the recipient twice, hours apart, and wait a day; only then decide without him";
    /// The told time of arrival lies in the past.
    EtaPast, never, "tell a time of arrival that lies in the future";
    /// The parcel owes a signed return form.
    ReceiptFormOwed, done, "this parcel owes a signed form; have it signed and photograph it first";
    /// The signature on the form is not clear or not complete.
    ReceiptFormUnclear, done, "have the form signed again, clearly and completely";
    /// No photo of the signed form.
    ReceiptFormPhotoMissing, done, "take a photo of the signed form first";
    /// A clearly signed form is recorded.
    ReceiptFormAlreadySigned, never, "the signed form is recorded already; keep it and hand it in";
    /// No signed form is recorded.
    ReceiptFormNotSigned, never, "no signed form is recorded; record that it was signed first";
    /// The form was handed in.
    ReceiptFormAlreadyIn, never, "the form is handed in already; nothing is to be done";

    // Temporary storage.
    /// An absent recipient was offered no second delivery and has not asked for storage.
    AppointmentFirst, done,
        "offer a second delivery first; if the recipient wants it stored, record his consent";
    /// Nobody consented to this site.
    ConsentMissing, done, "ask the recipient whether it may be stored at this site, and record it";
    /// The courier consented for the recipient.
    ConsentByCourier, done, "a courier cannot consent; ask the recipient";
    /// The agreed period is over.
    ConsentEnded, done, "the agreed period is over; ask the recipient again";
    /// He took his consent back, or declined.
    ConsentWithdrawn, done, "the recipient does not want it stored; agree on a second delivery";
    /// There is no consent to take back.
    NoConsent, never, "there is no consent to take back";
    /// The site is not in the directory.
    SiteUnknown, done, "the site is not in the directory; sync, or choose another";
    /// A gate, a stairwell, a pavement.
    SiteUnattended, done, "nothing may be left at an unattended public place; choose another";
    /// The site may not hold such goods.
    SiteCannotHold, done, "this site may not hold fresh, valuable or damaged goods; choose another";
    /// It is to be collected later than was agreed, or than the site keeps it.
    CollectBeforeTooLate, done, "the last moment to collect lies beyond what was agreed";
    /// It is to be collected in the past.
    CollectBeforePast, done, "the last moment to collect must lie in the future";
    /// A slot is named, and the site is no locker.
    SiteHasNoSlots, never, "this site is no locker and has no slots; leave the slot out";
    /// Another parcel lies in the slot.
    SlotTaken, done,
        "another parcel lies in this slot by the record; look, and choose another slot, or correct \
         the slot of the other parcel first";
    /// Instead of a template's id something else was given.
    TemplateNotNamed, never, "name the notice's template and version, such as T01.1";
    /// The hub is given something it cannot send.
    NoMessage, never, "the hub sends texts, by SMS or in the app; give it one, or call yourself";
    /// The hub has this notice and has not sent it yet.
    NoticeWaiting, never, "the hub has this notice already and sends it; nothing is to be done";
    /// It does not lie at a site.
    NotInStorage, done, "the parcel does not lie at a storage site by the record";

    /// The sender has not allowed such goods to be stored.
    SenderForbidsStorage, done,
        "the sender allows no storage of fresh, valuable or damaged goods; deliver it again";
    /// A word on the phone alone lets nobody leave a parcel at a place without a keeper.
    ConsentTraceMissing, done,
        "nobody keeps this place: let the recipient agree in writing, or add a recording";
    /// It is not later than what holds already.
    ExtensionNotLater, never, "give a moment later than the one that holds now";
    /// The last moment to collect it is not over.
    StayNotOver, done, "the recipient may still collect it; leave it there, or retrieve it for him";

    // Cases.
    /// The kind needs a parcel.
    ParcelNeeded, never, "this kind of exception is about a parcel; scan its number";
    /// Something that must be seen is not, and no reason was given.
    EvidenceNeeded, never,
        "add the photos or videos the case asks for, or say why they cannot be had";
    /// The kind is the library's own.
    KindReserved, never, "this kind is opened by the library itself; choose another";
    /// The case is closed.
    CaseClosed, never, "the case is closed; open a new one";
    /// No clerk owns the case.
    NotAcknowledged, never, "acknowledge the case first, so that somebody owns it";
    /// The case was not decided.
    NotDecided, never, "decide the case first";
    /// The next action lies in the past.
    NextActionPast, never, "give a time of the next action that lies in the future";
    /// The complainant has no name, no phone number, or not what else the policy asks for.
    ComplainantIncomplete, never,
        "write the name and the phone number of who complains, and the address if it is asked for";
    /// The complaint has no demand.
    DemandMissing, never, "write what the customer wants";
    /// The owner takes what he owns.
    AlreadyOwner, never, "the complaint is yours already";
    /// Another courier or clerk owns the complaint.
    OwnedByAnother, never, "another person owns this complaint; leave it to him";
    /// The complaint is about the courier who acts.
    ComplaintAboutYou, never, "this complaint is about you; the station handles it";
    /// Nobody has spoken to the customer.
    CustomerNotContacted, never, "speak to the customer before the complaint is closed";
    /// A complaint is closed without a word about how it ended.
    OutcomeMissing, never, "write how the complaint ended";
    /// Nobody owns the complaint.
    NobodyOwns, never, "take the complaint first, so that somebody owns it";

    // Working on an exception case.
    /// Somebody concerned was not told, and no reason was given.
    PartyNotTold, never, "tell everybody the case asks for, or say why it cannot be done";
    /// A step of the misdelivery playbook is open.
    PlaybookOpen, never,
        "promise a time and take each step of the misdelivery playbook, or say why it cannot be done";
    /// A promise waits to be kept.
    PromiseOpen, never, "keep the promise that was made, and record it, first";
    /// The error analysis was not written.
    ErrorAnalysisMissing, never, "write the error analysis of the misdelivery first";
    /// The case was not resolved.
    NotResolved, never, "resolve the case first, then close it";
    /// The case is still open.
    CaseStillOpen, never, "the case is open; work on it as it is";
    /// A text is blank.
    WordsMissing, never, "write it in words; a blank says nothing";
    /// What is to be excused is not asked for, is done, or cannot be excused.
    NothingToExcuse, never, "the case does not ask for this, or it cannot be excused; do it instead";
    /// The promised time is over before it is promised.
    PromisePast, never, "promise a time that lies in the future";
    /// No such promise waits to be kept.
    NoSuchPromise, never, "no such promise is open; make it first";
    /// The case is no misdelivery.
    NotAMisdelivery, never, "this step belongs to a misdelivery; note the progress instead";
    /// The step was taken before.
    StepTakenBefore, never, "this step is recorded already; take the next one";
    /// The courier takes part already.
    AlreadyTakesPart, never, "this courier takes part in the case already";
    /// The case was escalated before.
    AlreadyEscalated, never, "the case is escalated already; note the progress";
    /// The customer has not agreed to help with his claim.
    ClaimNotAgreed, never, "ask the customer whether he wants help with the claim, and record it";

    // Pick-up.
    /// The order has no lane here.
    UnknownOrder, never, "the order is not known here; sync first, or ask the station";
    /// The order has ended.
    OrderClosed, never, "the order has ended; the station can take a new one";
    /// The order was given to another courier, or to nobody.
    NotYourOrder, done, "the order is not given to you; ask the station";
    /// The sender of an order cannot be found.
    SenderIncomplete, never, "write the sender's name, phone and full address";
    /// The catalogue has no such goods.
    GoodsCodeUnknown, never, "the catalogue has no such goods; sync, or choose another entry";
    /// Something is wrong with the goods and nothing is noted.
    AnomalyNoteMissing, never, "write what is wrong with it, and let the sender confirm it";
    /// The packing is unfit and nobody can see how.
    PackingPhotoMissing, done, "take a photo of the packing";
    /// Items of the check are not answered.
    PickupItemsOpen, done, "answer every item of the pick-up check before you take the parcel";
    /// Nobody was there when it was looked at.
    NotFaceToFace, done, "look at it in front of the sender, then take it";
    /// Goods that may never be sent.
    GoodsProhibited, done, "these goods may not be sent; do not take them, and tell the station";
    /// Goods that may be sent by their rule only.
    GoodsRestricted, done, "these goods are restricted; do what their rule asks, or do not take them";
    /// The packing is so unfit that it was refused.
    PackingUnfit, done, "help the sender to pack it better, or do not take it";
    /// Names, phones or addresses of the waybill are missing.
    WaybillIncomplete, done, "complete the names, phones and addresses on the waybill first";
    /// The parts of the price do not come to its sum.
    FeesDoNotAddUp, never, "the parts of the price do not come to the total; calculate it again";
    /// The number belongs to a parcel that is under way.
    WaybillInUse, never, "this number is under way already; scan the label of this parcel";

    // From courier to courier, and badges.
    /// What was scanned is no such code, or not all of it.
    CodeUnreadable, never, "this is not the code that is asked for, or not all of it; scan it again";
    /// The code was made under another hub's root key.
    CodeForeign, never, "this code is not your company's; do not trust it, call the station";
    /// The code was changed after it was signed.
    CodeTampered, never, "this code was changed; let it be shown anew, and do not trust this one";
    /// The code is for another courier.
    CodeForAnother, done, "this code is for another courier; let one be shown with your number";
    /// The time to accept the offer is over.
    OfferExpired, done, "the offer is too old; let the other courier show a new one";
    /// The badge of the one who offers is over, or there is none.
    BadgeEnded, done, "the badge is over; sign in again at the station, then show a new code";
    /// The phone has no key of its own.
    NoDeviceKey, never, "this phone cannot sign; hand the parcels in at the station instead";
    /// The giver and the receiver are one.
    OfferToYourself, never, "name the other courier's number; you have these parcels already";
    /// The parcel is offered to another courier.
    AlreadyOffered, never, "the parcel is offered to another courier; wait until that has run out";
    /// The code was used on this phone before.
    AlreadyTaken, never, "this code was used here already; nothing is to be done";
    /// The answer is to no offer made on this phone.
    AnswerToNoOffer, never, "this answers no offer of yours; scan the other courier's answer";

    // The end of the shift.
    /// A parcel that was with him is neither counted nor anywhere by the record, or the reverse.
    ShiftUnaccounted, done,
        "a parcel is not accounted for; look for it, scan it, sync, or hand it in before you close";
}

/// What a rule says: go on, or why not.
pub(crate) type Verdict = Result<(), Refusal>;

/// Refuses when the claim is so.
pub(crate) fn refuse_if(claim: bool, refusal: Refusal) -> Verdict {
    if claim { Err(refusal) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_to_do_under_a_code_of_its_own() {
        let codes: std::collections::BTreeSet<_> = Refusal::ALL.iter().map(Refusal::code).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            assert_eq!(refusal.to_string(), refusal.advice());
            assert!(refusal.advice().len() > 20, "{}", refusal.code());
        }
    }

    #[test]
    fn an_order_or_a_role_is_never_recorded_against_a_rule() {
        for refusal in [Refusal::NotForThisActor, Refusal::UnknownParcel, Refusal::UpdateApp] {
            assert!(!refusal.can_be_recorded_against());
        }
    }
}
