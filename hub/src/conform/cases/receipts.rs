//! The hub's signed word for what it holds.

use lastmile_core::signature::verifies;
use lastmile_core::sync::wire::{key_name, key_text};

use crate::conform::answer::{Checked, field, head, holds, hub_keys, same};
use crate::conform::kit::Kit;
use crate::conform::phone::new_case;

cases! {
    Core "5. Receipts" a_receipt_verifies_up_to_the_root_key_and_signs_the_head;
    Device "5. Receipts" a_receipt_names_the_stretch_it_covers;
    Device "5. Receipts" a_receipt_lists_accepted_lines_with_a;
    Device "5. Receipts" a_receipt_lists_known_lines_with_a;
    Device "5. Receipts" a_receipt_lists_parked_lines_with_p;
    Device "5. Receipts" a_receipt_lists_forked_lines_with_f;
    Device "5. Receipts" a_push_that_brings_nothing_new_is_receipted_too;
    Device "5. Receipts" a_receipt_tells_the_hubs_time;
    Device "5. Receipts" hub_keys_are_listed_without_a_token_and_certified_by_the_root_key;
    Device "10. Badges, and transfers between two phones" a_hub_key_is_named_by_its_digest;
}

fn a_receipt_verifies_up_to_the_root_key_and_signs_the_head(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case)];
    let receipt = phone.push(&lines)?.receipt()?;
    receipt.verify(kit, &phone.enrolment.root_key)?;
    field(&receipt.says, "head", phone.link.to_string())?;
    receipt.lists(&lines, "aa")
}

fn a_receipt_names_the_stretch_it_covers(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case)])?;
    phone.reborn();
    phone.push(&[phone.note(&case)])?;
    let before = phone.link;
    let lines = [phone.note(&case), phone.note(&case)];
    let says = phone.push(&lines)?.receipt()?.says;
    field(&says, "device", phone.device())?;
    field(&says, "incarnation", 2)?;
    field(&says, "first_seq", 2)?;
    field(&says, "count", 2)?;
    field(&says, "prev_link", before.to_string())?;
    field(&says, "head", head(before, &lines).to_string())
}

fn a_receipt_lists_accepted_lines_with_a(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lines = [phone.report(&new_case()), phone.report(&new_case())];
    phone.push(&lines)?.receipt()?.lists(&lines, "aa")
}

fn a_receipt_lists_known_lines_with_a(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    phone.offer(&lines)?;
    phone.offer(&lines)?.receipt()?.lists(&lines, "a")
}

fn a_receipt_lists_parked_lines_with_p(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lines = [phone.report(&new_case()), b"opaque".to_vec(), phone.note(&new_case())];
    phone.push(&lines)?.receipt()?.lists(&lines, "app")
}

fn a_receipt_lists_forked_lines_with_f(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let twin = phone.clone();
    phone.push(&[phone.report(&new_case())])?;
    let lines = [twin.report(&new_case()), twin.report(&new_case())];
    let receipt = twin.offer(&lines)?.receipt()?;
    receipt.verify(kit, &phone.enrolment.root_key)?;
    receipt.lists(&lines, "ff")
}

fn a_push_that_brings_nothing_new_is_receipted_too(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    phone.offer(&lines)?;
    let receipt = phone.offer(&lines)?.receipt()?;
    receipt.verify(kit, &phone.enrolment.root_key)
}

fn a_receipt_tells_the_hubs_time(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let reply = phone.push(&[phone.report(&new_case())])?;
    let said = |value: &serde_json::Value| value["hub_ms"].as_i64().unwrap_or_default();
    let off = (said(&reply.receipt()?.says) - said(&reply.header)).abs();
    holds(off < 60_000, "the receipt's hub_ms is the reply's")
}

fn hub_keys_are_listed_without_a_token_and_certified_by_the_root_key(kit: &Kit) -> Checked {
    let root_key = kit.phone()?.enrolment.root_key;
    let keys = hub_keys(kit)?;
    holds(!keys.is_empty(), "there is a key")?;
    for key in keys {
        let text = key_text(&key.key, &key.public);
        let certified = verifies(&root_key, text.as_bytes(), &key.certificate);
        holds(certified, "each key of /v1/keys is certified by the root key")?;
    }
    Ok(())
}

fn a_hub_key_is_named_by_its_digest(kit: &Kit) -> Checked {
    hub_keys(kit)?
        .iter()
        .try_for_each(|key| same("the key's name", &key.key, &key_name(&key.public)))
}
