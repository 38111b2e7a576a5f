//! Laws that hold for any events in any order, and for any command on any state.

mod chance;

use proptest::prelude::*;
use uuid::Uuid;

use self::chance::{COMMANDS, any_events, case_command, command, event, pickup_command};
use super::*;
use crate::command::Command;
use crate::conflict::ConflictRow;
use crate::decide::{Circumstances, Decision, LaneStates, decide, lanes_of};
use crate::event::Actor;
use crate::exception_report::agenda;
use crate::id::DeviceId;
use crate::parcel::{GoodsFlags, Holder, Stage};
use crate::pickup::fees_add_up;
use crate::refusal::Refusal;
use crate::temporary_storage::ConsentGiver;
use crate::testing::{
    Scene, Tale, case, clerk, courier, moment, parcel_lane, site, slot, station, without_positions,
};

fn confirmed(events: &[Event]) -> impl Iterator<Item = (&Event, Option<u64>)> {
    events.iter().zip(1..).map(|(event, seq)| (event, Some(seq)))
}

/// One holder, and one that fits the stage (C4.1).
fn custody_fits(state: &LaneState) -> bool {
    let Some(parcel) = state.parcel() else { return true };
    let courier = matches!(parcel.holder, Holder::Courier(_));
    let station = parcel.holder == Holder::Station;
    let stay = parcel.storage.current_stay();
    let fits = match parcel.stage {
        Stage::Announced => parcel.holder == Holder::Carrier,
        Stage::Collected => courier && parcel.collected.is_some(),
        Stage::AtStation => station,
        Stage::Assigned | Stage::RefusedHeld | Stage::ReturnAuthorised | Stage::Returning => {
            station || courier
        }
        Stage::OutForDelivery
        | Stage::Arrived
        | Stage::AttemptFailed
        | Stage::RedeliveryScheduled => courier,
        Stage::Stored => stay.is_some_and(|stay| parcel.holder == Holder::Site(stay.site.clone())),
        Stage::Delivered | Stage::PickedUp => {
            parcel.holder == Holder::Recipient && parcel.delivered().is_some()
        }
        Stage::Returned => parcel.holder == Holder::Sender,
    };
    let ended = parcel.ended().is_some() == parcel.stage.is_terminal();
    fits && ended
        && (stay.is_none() || parcel.stage == Stage::Stored)
        && (parcel.delivered().is_none() || parcel.holder == Holder::Recipient)
}

/// A stay rests on a consent for its site and its time, which no courier gave; nothing lies there
/// that must not (C4.2, C4.3).
fn storage_fits(state: &LaneState) -> bool {
    let Some(parcel) = state.parcel() else { return true };
    let Some(stay) = parcel.storage.current_stay() else { return true };
    let GoodsFlags { door_only, fresh, valuable, storage_allowed, .. } = parcel.goods;
    let consents = &parcel.storage.consents;
    let consent = consents.iter().find(|consent| Some(consent.id) == stay.consent);
    let kept = ["YZ-1", "LK-1", "NP"].iter().any(|id| stay.site == site(id));
    let held = !valuable || stay.site == site("YZ-1");
    let covered = consent.is_some_and(|consent| {
        consent.given_by != ConsentGiver::Courier
            && consent.site == stay.site
            && stay.collect_before_ms <= consent.until_ms
            && stay.liability == Some(consent.liability)
            && (consent.withdrawn.is_none() || stay.redelivery_asked.is_some())
    });
    covered && kept && held && !door_only && !fresh && (!valuable || storage_allowed)
}

fn conflicts(state: &LaneState) -> usize {
    state.margin().map_or(0, |margin| margin.conflicts.len())
}

/// Plays commands on some lanes; every one that a rule does not forbid is applied. What the rules
/// allow to one who knows everything makes no conflict, and what they forbid leaves nothing.
fn play(
    mut lanes: LaneStates,
    acts: impl Iterator<Item = (Command, Actor)>,
) -> Result<(), proptest::test_runner::TestCaseError> {
    let scene = Scene::new();
    let (station, entropy) = (station(), crate::testing::Counted::default());
    for (n, (command, actor)) in (4u8..).zip(acts) {
        let at = Circumstances {
            now: moment(60),
            actor: &actor,
            station: &station,
            root_key: &scene.root_key,
            entries: &scene.entries,
            pictures: &scene.pictures,
            policy: &scene.policy,
            directory: &scene.directory,
            codes: &scene.codes,
            slots_taken: vec![(site("LK-1"), slot("A-2"))],
            address_gap_m: None,
            station_gap_m: None,
            entropy: &entropy,
        };
        let named = lanes_of(&command, &at);
        let Decision { decided, refusal, .. } = match decide(&command, &lanes, &at) {
            Ok(decision) => decision,
            Err(refusal) => {
                prop_assert!(!refusal.advice().is_empty());
                continue;
            }
        };
        prop_assert!(!decided.groups.is_empty());
        for draft in decided.groups.iter().flatten() {
            prop_assert!(named.contains(&draft.lane), "{} was not named", draft.lane);
            // Money adds up in whatever is recorded, even against a rule.
            if let Fact::ParcelCollected(fact) = &draft.fact {
                prop_assert!(fees_add_up(&fact.fees, fact.total));
            }
        }
        if let Some(refusal) = refusal {
            prop_assert!(refusal.can_be_recorded_against() || refusal == Refusal::ErasureHeld);
            continue;
        }
        // Never refused are a scan at the station, and late evidence.
        let never_refused =
            matches!(command, Command::ReconcileManifest { .. } | Command::AddEvidence { .. });
        for draft in decided.groups.into_iter().flatten() {
            let mut event = event(&draft.lane, n, (0, 0, 0, 0, 0));
            event.envelope.actor = actor.clone();
            event.envelope.seen = u64::from(n);
            event.fact = draft.fact;
            let state =
                lanes.entry(draft.lane.clone()).or_insert_with(|| LaneState::empty(&draft.lane));
            let before = conflicts(state);
            state.apply(&event, Some(u64::from(n) + 1));
            prop_assert!(custody_fits(state), "{state:?}");
            prop_assert!(storage_fits(state), "{state:?}");
            prop_assert!(never_refused || conflicts(state) == before, "{state:?}");
        }
    }
    Ok(())
}

fn by(clerks: bool, who: u8) -> Actor {
    match (clerks, who) {
        (true, 20..) | (_, 240..) => Actor::Clerk(clerk()),
        (_, 200..) => Actor::Courier(courier("B")),
        _ => Actor::Courier(courier("A")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_prefix_folds_to_one_fitting_holder((lane, events) in any_events()) {
        let mut state = LaneState::empty(&lane);
        for (event, seq) in confirmed(&events) {
            state.apply(event, seq);
            prop_assert!(custody_fits(&state), "{state:?}");
        }
    }

    #[test]
    fn folding_on_is_the_same_as_folding_anew((lane, events) in any_events(), cut: usize) {
        let cut = cut % (events.len() + 1);
        let events: Vec<_> = confirmed(&events).collect();
        let mut carried = fold(&lane, events[..cut].iter().copied());
        carry_on(&mut carried, &lane, &events, cut);
        let mut anew = without_undone(&lane, &events);
        // What was spent in between stays spent.
        if let (LaneState::Parcel(carried), LaneState::Parcel(anew)) = (&carried, &mut anew) {
            let spent = &carried.storage.spent_codes;
            prop_assert!(anew.storage.spent_codes.iter().all(|code| spent.contains(code)));
            anew.storage.spent_codes.clone_from(spent);
        }
        prop_assert_eq!(carried, anew);
    }

    #[test]
    fn a_state_reads_back_from_what_was_stored((lane, events) in any_events()) {
        let state = fold(&lane, confirmed(&events));
        let stored = serde_json::to_vec(&state).unwrap();
        prop_assert_eq!(serde_json::from_slice::<LaneState>(&stored).unwrap(), state);
    }

    #[test]
    fn a_position_changes_nothing_of_what_its_own_device_folded_before(
        (lane, mut events) in any_events(),
        cut: usize,
    ) {
        // Behind the confirmed events come those of one device, which has seen no later one.
        let cut = cut % (events.len() + 1);
        for event in &mut events[cut..] {
            event.envelope.device = DeviceId(Uuid::from_u128(0));
            event.envelope.seen = event.envelope.seen.min(cut as u64);
        }
        let pending = confirmed(&events)
            .map(|(event, seq)| (event, seq.filter(|seq| *seq <= cut as u64)));
        let before = without_positions(&fold(&lane, pending));
        prop_assert_eq!(before, without_positions(&fold(&lane, confirmed(&events))));
    }

    #[test]
    fn every_conflict_is_about_an_event_of_the_lane((lane, events) in any_events()) {
        let state = fold(&lane, confirmed(&events));
        for conflict in state.margin().iter().flat_map(|margin| &margin.conflicts) {
            prop_assert!(events.iter().any(|event| event.envelope.id == conflict.event));
        }
    }

    #[test]
    fn a_slot_is_in_question_only_while_the_parcel_is_said_to_lie_in_it(
        (lane, events) in any_events(),
    ) {
        let mut state = LaneState::empty(&lane);
        for (event, seq) in confirmed(&events) {
            state.apply(event, seq);
            let Some(parcel) = state.parcel() else { continue };
            let lies = parcel.storage.current_stay().and_then(|stay| stay.slot.as_ref());
            for open in parcel.margin.open_conflicts() {
                let about_slot = open.row == ConflictRow::SlotTwice;
                let lies_there = lies.is_some_and(|lies| lies.said.event == open.event);
                prop_assert!(!about_slot || lies_there);
            }
        }
    }

    #[test]
    fn every_open_case_has_an_owner_or_is_listed_as_an_orphan(
        dice in prop::collection::vec(any::<(u8, u8, u8, u8, u8)>(), 0..50),
    ) {
        let lane = Lane::Exception(case());
        let mut state = LaneState::empty(&lane);
        for (n, dice) in (0u8..).zip(dice) {
            state.apply(&event(&lane, n, dice), Some(u64::from(n) + 1));
            let LaneState::Exception(now) = &state else { panic!() };
            let listed = agenda([(case(), now.as_ref())]);
            prop_assert_eq!(listed.len(), usize::from(now.is_open()));
            for open in listed {
                prop_assert!(open.orphan || (open.owner.is_some() && open.next_action_ms.is_some()));
            }
        }
    }

    #[test]
    fn at_the_senders_door_nothing_forbidden_is_written_and_money_adds_up(
        acts in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 0..40),
    ) {
        let acts = acts.into_iter().map(|(kind, a, b, who)| {
            let (command, clerks) = pickup_command(kind, a, b);
            (command, by(clerks, who))
        });
        play(LaneStates::new(), acts)?;
    }

    #[test]
    fn the_work_on_a_case_writes_nothing_that_is_forbidden(
        acts in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 0..80),
    ) {
        let mut lanes = LaneStates::new();
        lanes.insert(parcel_lane(), Tale::out_for_delivery().state());
        let acts = acts.into_iter().map(|(kind, a, b, who)| {
            let (command, clerks) = case_command(kind, a, b);
            (command, by(clerks, who))
        });
        play(lanes, acts)?;
    }

    #[test]
    fn a_day_of_commands_writes_only_what_no_rule_forbids_and_only_where_it_said(
        acts in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 0..60),
        (door_only, care, storage_allowed) in any::<(u8, u8, bool)>(),
    ) {
        let goods = GoodsFlags {
            door_only: door_only < 40,
            fresh: care < 40,
            valuable: (40..120).contains(&care),
            storage_allowed,
            ..GoodsFlags::default()
        };
        let mut lanes = LaneStates::new();
        lanes.insert(parcel_lane(), Tale::out_with(goods).state());
        // Mostly courier A and, for the station's orders, a clerk.
        let acts = acts.into_iter().map(|(kind, a, b, who)| {
            let who = match (kind % COMMANDS, who) {
                (24..=32 | 37 | 48, 30..) | (38..=40, 100..200) | (_, 240..) => 3,
                (_, 200..) => 1,
                _ => 0,
            };
            (command(kind, a, b), event(&parcel_lane(), 0, (0, a, b, who, 0)).envelope.actor)
        });
        play(lanes, acts)?;
    }
}
