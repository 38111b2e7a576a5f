//! The hub's signed word for what it holds.

use lastmile_core::sync::wire::key_name;

use crate::conform::answer::{Checked, holds, hub_keys, same};
use crate::conform::kit::Kit;
use crate::conform::phone::new_case;

cases! {
    Core "5. Receipts" a_receipt_verifies_up_to_the_root_key_and_signs_the_head;
    Device "5. Receipts" a_receipt_names_the_stretch_it_covers;
    Device "5. Receipts" a_receipt_lists_known_lines_with_a;
    Device "5. Receipts" a_receipt_lists_parked_lines_with_p;
    Device "5. Receipts" a_receipt_lists_forked_lines_with_f;
    Device "5. Receipts" hub_keys_are_listed_without_a_token_and_certified_by_the_root_key;
    Device "10. Badges, and transfers between two phones" a_hub_key_is_named_by_its_digest;
}

fn a_receipt_verifies_up_to_the_root_key_and_signs_the_head(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case)];
    phone.offer(&lines)?.receipted(&phone, &lines, "aa", false)
}

fn a_receipt_names_the_stretch_it_covers(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case)])?;
    phone.reborn();
    phone.push(&[phone.note(&case)])?;
    let lines = [phone.note(&case), phone.note(&case)];
    phone.offer(&lines)?.receipted(&phone, &lines, "aa", false)
}

fn a_receipt_lists_known_lines_with_a(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    phone.offer(&lines)?;
    phone.offer(&lines)?.receipted(&phone, &lines, "a", false)
}

fn a_receipt_lists_parked_lines_with_p(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case()), b"opaque".to_vec(), phone.note(&new_case())];
    phone.offer(&lines)?.receipted(&phone, &lines, "app", false)
}

fn a_receipt_lists_forked_lines_with_f(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let twin = phone.clone();
    phone.push(&[phone.report(&new_case())])?;
    let lines = [twin.report(&new_case()), twin.report(&new_case())];
    twin.offer(&lines)?.receipted(&twin, &lines, "ff", false)
}

fn hub_keys_are_listed_without_a_token_and_certified_by_the_root_key(kit: &Kit) -> Checked {
    let root_key = kit.phone()?.enrolment.root_key;
    let keys = hub_keys(kit)?;
    holds(!keys.is_empty(), "there is a key")?;
    for key in keys {
        let certified = key.is_certified_by(&root_key);
        holds(certified, "each key of /v1/keys is certified by the root key")?;
    }
    Ok(())
}

fn a_hub_key_is_named_by_its_digest(kit: &Kit) -> Checked {
    hub_keys(kit)?
        .iter()
        .try_for_each(|key| same("the key's name", &key.key, &key_name(&key.public)))
}
