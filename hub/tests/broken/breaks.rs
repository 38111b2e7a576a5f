//! The list of things done wrong, and which cases must see each.

use lastmile_hub::{Request, Response};
use serde_json::{Value, json};

use super::Tamper;

/// Changes the first line of a body: the header of a push or a reply.
fn header(body: &mut Vec<u8>, change: impl FnOnce(&mut Value)) {
    let end = body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len());
    let Ok(mut header) = serde_json::from_slice(&body[..end]) else { return };
    change(&mut header);
    body.splice(..end, header.to_string().into_bytes());
}

/// Changes the header of a reply.
fn reply(request: &Request, answer: &mut Response, change: impl FnOnce(&mut Value)) {
    if request.path == "/v1/sync" && answer.status == 200 {
        header(&mut answer.body, change);
    }
}

/// Leaves a field out of a reply.
fn without(request: &Request, answer: &mut Response, name: &str) {
    reply(request, answer, |header| drop(header.as_object_mut().unwrap().remove(name)));
}

/// Changes each verdict of a reply.
fn verdicts(request: &Request, answer: &mut Response, change: impl Fn(&mut Value)) {
    reply(request, answer, |header| {
        header["verdicts"].as_array_mut().unwrap().iter_mut().for_each(change);
    });
}

/// Takes one verdict for another.
fn mistaken(request: &Request, answer: &mut Response, from: &Value, to: &Value) {
    verdicts(request, answer, |verdict| {
        if verdict == from {
            verdict.clone_from(to);
        }
    });
}

/// Changes the lines after a reply's header, and its counts accordingly.
fn lines(request: &Request, answer: &mut Response, change: impl Fn(Value) -> Option<Value>) {
    if request.path != "/v1/sync" || answer.status != 200 {
        return;
    }
    let body = std::mem::take(&mut answer.body);
    let mut parts = body.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
    let mut header: Value = serde_json::from_slice(parts.next().unwrap()).unwrap();
    let places = header["lane_seqs"].as_array().unwrap().clone();
    let (mut kept, mut rest) = (Vec::new(), Vec::new());
    for (index, part) in parts.enumerate() {
        let Some(changed) = change(serde_json::from_slice(part).unwrap()) else {
            if index >= places.len() {
                header["vault"] = (header["vault"].as_u64().unwrap() - 1).into();
            }
            continue;
        };
        kept.extend(places.get(index).cloned());
        rest.extend_from_slice(format!("{changed}\n").as_bytes());
    }
    header["lane_seqs"] = kept.into();
    answer.body = format!("{header}\n").into_bytes();
    answer.body.extend(rest);
}

/// Answers with success in place of a problem.
fn overlook(answer: &mut Response, status: u16, code: &str) {
    if answer.status == status && String::from_utf8_lossy(&answer.body).contains(code) {
        answer.status = 204;
        answer.body.clear();
    }
}

/// One thing done wrong, and the cases that must see it.
pub struct Wrong {
    pub what: &'static str,
    pub tamper: Tamper,
    pub seen_by: &'static [&'static str],
}

const fn answers(
    what: &'static str,
    answer: fn(&Request, &mut Response),
    seen_by: &'static [&'static str],
) -> Wrong {
    Wrong { what, tamper: Tamper { ask: |_| {}, answer }, seen_by }
}

const fn asks(
    what: &'static str,
    ask: fn(&mut Request),
    seen_by: &'static [&'static str],
) -> Wrong {
    Wrong { what, tamper: Tamper { ask, answer: |_, _| {} }, seen_by }
}

pub const BREAKS: &[Wrong] = &[
    answers(
        "verdicts are swapped",
        |ask, it| reply(ask, it, |header| header["verdicts"].as_array_mut().unwrap().reverse()),
        &["every_line_has_its_verdict_in_order", "a_parked_line_keeps_its_verdict"],
    ),
    answers(
        "receipts are left out",
        |ask, it| without(ask, it, "receipt"),
        &[
            "a_receipt_verifies_up_to_the_root_key_and_signs_the_head",
            "a_chain_that_goes_on_has_no_gap",
        ],
    ),
    answers(
        "every event is the first of its lane",
        |ask, it| {
            verdicts(ask, it, |verdict| {
                if verdict.get("a").is_some() {
                    *verdict = json!({ "a": 1 });
                }
            });
        },
        &[
            "places_in_a_lane_are_dense_and_each_lane_counts_for_itself",
            "places_stay_dense_when_two_phones_push_at_the_same_time",
        ],
    ),
    answers(
        "other bytes are taken for the same",
        |ask, it| mistaken(ask, it, &json!("fork"), &json!({ "k": 1 })),
        &[
            "other_bytes_at_a_held_position_are_a_fork_and_are_not_stored",
            "a_held_id_with_other_bytes_is_a_fork",
            "an_older_incarnation_is_over",
        ],
    ),
    answers(
        "what is known is accepted again",
        |ask, it| {
            verdicts(ask, it, |verdict| {
                if let Some(place) = verdict.get("k").cloned() {
                    *verdict = json!({ "a": place });
                }
            });
        },
        &[
            "a_push_that_comes_again_is_known_and_takes_effect_once",
            "a_push_may_overlap_what_is_held",
        ],
    ),
    answers(
        "a kind that must be understood is accepted unread",
        |ask, it| mistaken(ask, it, &json!({ "p": "UnknownKind" }), &json!({ "a": 2 })),
        &["an_unknown_kind_that_must_be_understood_is_parked"],
    ),
    answers(
        "what is behind a parked event overtakes it",
        |ask, it| mistaken(ask, it, &json!({ "p": "Behind" }), &json!({ "a": 2 })),
        &["later_events_of_a_parked_lane_are_behind", "a_group_is_parked_as_a_whole"],
    ),
    answers(
        "signatures are not looked at",
        |ask, it| mistaken(ask, it, &json!({ "p": "BadSignature" }), &json!({ "a": 1 })),
        &["a_signature_by_another_key_is_parked", "a_badge_of_another_hub_proves_nothing"],
    ),
    asks(
        "the cursor is not looked at",
        |ask| {
            if ask.path == "/v1/sync" {
                header(&mut ask.body, |header| {
                    if header["pull"].is_object() {
                        header["pull"]["cursor"] = json!(0);
                    }
                });
            }
        },
        &[
            "a_cursor_moves_on_and_nothing_comes_twice",
            "a_feed_comes_in_pages_and_leaves_nothing_out",
        ],
    ),
    answers(
        "events are written anew",
        |ask, it| lines(ask, it, Some),
        &["spaces_and_the_order_of_fields_are_kept", "escapes_and_other_scripts_are_kept"],
    ),
    answers(
        "withheld lines are left out",
        |ask, it| lines(ask, it, |line| line["withheld"].is_null().then_some(line)),
        &[
            "a_lane_stays_dense_when_a_line_is_withheld",
            "a_complaint_about_manners_is_withheld_from_him",
        ],
    ),
    answers(
        "persons are not sent",
        |ask, it| lines(ask, it, |line| line["ref"].is_null().then_some(line)),
        &[
            "a_text_travels_with_its_event",
            "an_imported_parcel_reaches_its_courier_with_its_persons",
        ],
    ),
    answers(
        "the hub's time is changed after a receipt was signed",
        |ask, it| reply(ask, it, |header| header["hub_ms"] = json!(1)),
        &["a_receipt_verifies_up_to_the_root_key_and_signs_the_head"],
    ),
    answers(
        "gaps are not marked",
        |ask, it| reply(ask, it, |header| header["receipt"]["chain_gap"] = json!(false)),
        &["a_push_that_leaves_positions_out_is_stored_with_a_gap"],
    ),
    answers(
        "a receipt is that of another push",
        |ask, it| {
            reply(ask, it, |header| header["receipt"]["signature"] = json!("11".repeat(64)));
        },
        &["a_receipt_lists_parked_lines_with_p", "a_receipt_lists_forked_lines_with_f"],
    ),
    answers(
        "the end of a session is not told",
        |ask, it| without(ask, it, "session_ended"),
        &["an_ended_session_pulls_nothing", "a_wrong_session_token_pulls_nothing"],
    ),
    answers(
        "forged entries are not named",
        |ask, it| without(ask, it, "vault_refused"),
        &["a_forged_entry_is_refused_by_name"],
    ),
    answers(
        "the policy is changed after it was signed",
        |ask, it| {
            reply(ask, it, |header| {
                if header["policy"].is_object() {
                    header["policy"]["body"] = json!("{\"version\":7}");
                }
            });
        },
        &["the_policy_comes_signed_under_the_root_key"],
    ),
    answers(
        "positions are forgotten",
        |ask, it| reply(ask, it, |header| header["received_to"] = json!(0)),
        &["received_to_is_the_highest_position_held", "a_stretch_that_comes_late_fills_its_gap"],
    ),
    answers(
        "the epoch is another one",
        |ask, it| reply(ask, it, |header| header["epoch"] = json!(uuid::Uuid::nil())),
        &["a_reply_names_the_epoch_of_the_enrolment"],
    ),
    asks(
        "compression is not read",
        |ask| ask.headers.retain(|(name, _)| name != "content-encoding"),
        &["a_compressed_push_is_the_same_push", "an_unknown_encoding_is_refused"],
    ),
    asks(
        "answers are never compressed",
        |ask| ask.headers.retain(|(name, _)| name != "accept-encoding"),
        &["a_long_reply_is_compressed_for_who_can_read_it"],
    ),
    answers(
        "a refusal has another status",
        |_, it| {
            if it.status == 401 {
                it.status = 403;
            }
        },
        &["a_wrong_device_token_is_refused", "a_code_is_good_for_one_use"],
    ),
    answers(
        "problems have no code",
        |_, it| {
            if it.status >= 400 {
                it.body = b"no".to_vec();
            }
        },
        &["a_problem_is_json_with_a_code_and_an_advice", "an_unknown_path_is_not_found"],
    ),
    answers(
        "a file is confirmed with its first part",
        |_, it| {
            if it.status == 204 && it.get("Lastmile-Confirmed").is_none() {
                it.headers.push(("Lastmile-Confirmed".to_owned(), "00".repeat(32)));
            }
        },
        &["a_part_moves_the_offset_and_confirms_nothing"],
    ),
    answers(
        "an upload says that all of it is here",
        |ask, it| {
            if let ("HEAD", Some(length)) =
                (&*ask.method, it.get("Upload-Length").map(str::to_owned))
            {
                it.headers.retain(|(name, _)| name != "Upload-Offset");
                it.headers.push(("Upload-Offset".to_owned(), length));
            }
        },
        &["a_photo_that_comes_in_parts_is_confirmed", "a_part_at_another_offset_is_refused"],
    ),
    answers(
        "a file's hash is not looked at",
        |_, it| overlook(it, 460, "DigestMismatch"),
        &["a_file_that_hashes_to_something_else_is_thrown_away"],
    ),
    answers(
        "a file's kind is not looked at",
        |_, it| overlook(it, 415, "NotMedia"),
        &["a_file_of_another_kind_is_thrown_away"],
    ),
    answers(
        "previews are not looked at",
        |_, it| {
            overlook(it, 409, "NotNamed");
            overlook(it, 413, "PreviewTooLarge");
            overlook(it, 415, "PreviewNotPicture");
        },
        &[
            "a_preview_of_what_no_event_names_is_refused",
            "a_preview_is_the_phones_whose_event_names_the_file",
            "a_preview_that_is_too_large_is_refused",
            "a_preview_that_is_no_picture_is_refused",
        ],
    ),
    answers(
        "a preview is taken for its file",
        |ask, it| {
            if ask.path.starts_with("/v1/media/previews/") && it.status == 204 {
                let sha256 = ask.path.rsplit('/').next().unwrap().to_owned();
                it.headers.push(("Lastmile-Confirmed".to_owned(), sha256));
            }
        },
        &["a_preview_confirms_nothing_and_its_file_follows"],
    ),
    answers(
        "a whole file's preview is answered like any other",
        |ask, it| {
            if ask.path.starts_with("/v1/media/previews/") {
                it.headers.retain(|(name, _)| name != "Lastmile-Confirmed");
            }
        },
        &["a_preview_of_a_whole_file_is_answered_with_it"],
    ),
    answers(
        "previews are shown to nobody",
        |ask, it| {
            if ask.path.starts_with("/v1/clerk/previews/") {
                it.status = 404;
            }
        },
        &["a_clerk_sees_the_preview_until_the_file_is_there"],
    ),
];
