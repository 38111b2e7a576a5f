//! Two requests at the same time: each takes effect once, and places stay dense.

use std::collections::BTreeSet;

use crate::conform::answer::{Checked, Reply, fault, holds, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, new_case};

cases! {
    Device "3. Signing in" a_code_that_is_used_twice_at_the_same_time_makes_one_device;
    Device "4. `POST /v1/sync`: push and pull in one round trip" the_same_push_twice_at_the_same_time_takes_effect_once;
    Device "2. Chains and positions" places_stay_dense_when_two_phones_push_at_the_same_time;
    Device "Who is sent what" a_feed_stays_whole_when_two_couriers_push_at_the_same_time;
}

/// Does the same on two threads at once.
fn both<T: Send>(
    one: impl FnOnce() -> T + Send,
    two: impl FnOnce() -> T + Send,
) -> Checked<[T; 2]> {
    std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(one), scope.spawn(two));
        match (one.join(), two.join()) {
            (Ok(one), Ok(two)) => Ok([one, two]),
            _ => Err(fault("a request", "an answer", "none")),
        }
    })
}

fn a_code_that_is_used_twice_at_the_same_time_makes_one_device(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let code = courier.code()?;
    let enrol = || courier.enrol(&code, None).map(|answer| answer.0.status);
    let [one, two] = both(enrol, enrol)?;
    let mut statuses = [one?, two?];
    statuses.sort_unstable();
    same("the two answers", statuses, [201, 401])
}

/// Reads the places that verdicts of one letter give.
fn places(reply: &Reply, letter: &str) -> Vec<u64> {
    let verdicts = reply.header["verdicts"].as_array().cloned().unwrap_or_default();
    verdicts.iter().filter_map(|verdict| verdict[letter].as_u64()).collect()
}

fn the_same_push_twice_at_the_same_time_takes_effect_once(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case), phone.note(&case)];
    let offer = || phone.offer(&lines);
    let [one, two] = both(offer, offer)?;
    let (one, two) = (one?, two?);
    let mut accepted = [places(&one, "a"), places(&two, "a")];
    accepted.sort();
    same("the places accepted", accepted, [vec![], vec![1, 2, 3]])?;
    let mut known = [places(&one, "k"), places(&two, "k")];
    known.sort();
    same("the places known", known, [vec![], vec![1, 2, 3]])
}

const AT_ONCE: u64 = 20;

fn notes(phone: &Phone, case: &str) -> Vec<Vec<u8>> {
    (0..AT_ONCE).map(|_| phone.note(case)).collect()
}

fn places_stay_dense_when_two_phones_push_at_the_same_time(kit: &Kit) -> Checked {
    let (mut one, two) = (kit.phone()?, kit.phone()?);
    let case = new_case();
    one.push(&[one.report(&case)])?;
    let (first, second) = (notes(&one, &case), notes(&two, &case));
    let [one, two] = both(|| one.offer(&first), || two.offer(&second))?;
    let given: Vec<u64> = [places(&one?, "a"), places(&two?, "a")].concat();
    let dense: BTreeSet<u64> = (2..2 + 2 * AT_ONCE).collect();
    same("how many were accepted", given.len(), dense.len())?;
    same("the places given", given.into_iter().collect::<BTreeSet<_>>(), dense)
}

fn a_feed_stays_whole_when_two_couriers_push_at_the_same_time(kit: &Kit) -> Checked {
    let (mut reporter, one, two) = (kit.phone()?, kit.phone()?, kit.phone()?);
    let (left, right) = (new_case(), new_case());
    reporter.push(&[reporter.report(&left), reporter.report(&right)])?;
    let (first, second) = (notes(&one, &left), notes(&two, &right));
    let pushed = both(|| one.offer(&first), || two.offer(&second))?;
    for reply in pushed {
        reply?;
    }
    let reply = reporter.pull()?;
    let sent: BTreeSet<_> = reply.lines.iter().collect();
    same("how many lines were sent", reply.lines.len() as u64, 2 * AT_ONCE)?;
    holds(first.iter().chain(&second).all(|line| sent.contains(line)), "each line is sent once")
}
