//! Acts at a storage site: storing with a code, extending, another code or slot, and what is told.

use super::Decision;
use super::desk::Desk;
use crate::delivery::Channel;
use crate::event::Lane;
use crate::evidence::EvidenceRef;
use crate::id::{Digest, SiteId};
use crate::notice::{Telling, rules as notice, told};
use crate::privacy::{VaultBody, VaultRef};
use crate::refusal::Refusal;
use crate::temporary_storage::{
    CodeIssuer, LockerSlot, ParcelStored, PickupCodeReplaced, StorageExtended,
    StorageSlotCorrected, StoredParcelPickedUp, rules as storage,
};
use crate::waybill::Waybill;

/// A code that was typed, or blank.
fn typed(code: Option<&str>) -> Option<String> {
    code.map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned)
}

/// The code a parcel gets at a site: the one that was typed, else the next of the lease where the
/// library gives them out. Comes as what an event holds of it.
fn issue(
    desk: &mut Desk,
    waybill: &Waybill,
    site: &SiteId,
    code: Option<&str>,
) -> (Option<Digest>, Option<VaultRef>) {
    let at = desk.at;
    let ours = at.directory.site(site).is_some_and(|site| site.codes == CodeIssuer::Library);
    let lent = || at.codes.next(site).filter(|_| ours);
    let Some(code) = typed(code).or_else(lent) else { return (None, None) };
    let hash = at.codes.key(site).map(|key| key.hash(&code));
    let sealed = desk.decided.seal(&Lane::Parcel(waybill.clone()), &VaultBody::Code(code), at);
    (hash, Some(sealed))
}

pub(super) fn store(
    mut desk: Desk,
    waybill: &Waybill,
    site: &SiteId,
    collect_before_ms: i64,
    code: Option<&str>,
    photo: Option<EvidenceRef>,
    slot: Option<LockerSlot>,
) -> Result<Decision, Refusal> {
    let parcel = desk.parcel(waybill)?;
    if slot.is_some() {
        storage::has_slots(site, desk.at)?;
    }
    let (code_hash, code) = issue(&mut desk, waybill, site, code);
    let fact = ParcelStored {
        consent: parcel.live_consent(site, desk.at.now.ms).map(|consent| consent.id),
        site: site.clone(),
        collect_before_ms,
        code_hash,
        code,
        photo,
        slot,
    };
    let verdict = storage::may_store(parcel, &fact, desk.at);
    desk.tell(verdict, waybill, fact)
}

pub(super) fn extend(
    desk: Desk,
    waybill: &Waybill,
    collect_before_ms: i64,
) -> Result<Decision, Refusal> {
    let parcel = desk.parcel(waybill)?;
    let stay = parcel.storage.current_stay().ok_or(Refusal::NotInStorage)?;
    let consent = parcel.live_consent(&stay.site, desk.at.now.ms).map(|consent| consent.id);
    let fact = StorageExtended { consent, collect_before_ms };
    let verdict = storage::may_extend(parcel, &fact, desk.at);
    desk.tell(verdict, waybill, fact)
}

pub(super) fn replace_code(
    mut desk: Desk,
    waybill: &Waybill,
    code: Option<&str>,
) -> Result<Decision, Refusal> {
    let parcel = desk.parcel(waybill)?;
    let stay = parcel.storage.current_stay().ok_or(Refusal::NotInStorage)?;
    let (code_hash, code) = issue(&mut desk, waybill, &stay.site, code);
    let verdict = storage::may_replace_code(parcel, desk.at);
    desk.tell(verdict, waybill, PickupCodeReplaced { code_hash, code, clashed: false })
}

pub(super) fn correct_slot(
    desk: Desk,
    waybill: &Waybill,
    slot: &LockerSlot,
) -> Result<Decision, Refusal> {
    let parcel = desk.parcel(waybill)?;
    let stay = parcel.storage.current_stay().ok_or(Refusal::NotInStorage)?;
    storage::has_slots(&stay.site, desk.at)?;
    let verdict = storage::may_correct_slot(parcel, slot, desk.at);
    desk.tell(verdict, waybill, StorageSlotCorrected { slot: slot.clone() })
}

pub(super) fn pick_up(
    desk: Desk,
    waybill: &Waybill,
    scanned: bool,
    code: Option<&str>,
) -> Result<Decision, Refusal> {
    let parcel = desk.parcel(waybill)?;
    let key = parcel.storage.current_stay().and_then(|stay| desk.at.codes.key(&stay.site));
    let code_hash = key.zip(typed(code)).map(|(key, code)| key.hash(&code));
    let verdict = storage::may_pick_up(parcel, desk.at);
    desk.tell(verdict, waybill, StoredParcelPickedUp { scanned, code_hash })
}

/// What was told, under the fact of its kind.
pub(super) fn record_notice(
    desk: Desk,
    waybill: &Waybill,
    channel: Channel,
    template: &str,
    text: Option<Digest>,
) -> Result<Decision, Refusal> {
    let (parcel, at) = (desk.parcel(waybill)?, desk.at);
    notice::is_named(template)?;
    let verdict = match Telling::of(template) {
        Telling::Stored | Telling::StillStored => storage::may_tell_of_stay(parcel, at),
        Telling::Other => notice::may_tell(parcel, at),
    };
    let fact = told(parcel, channel, template.to_owned(), text, at.policy, &at.now);
    desk.tell(verdict, waybill, fact)
}
