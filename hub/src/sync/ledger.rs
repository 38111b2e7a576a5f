//! The one way into a lane: gives an event its place, folds it, shows it to those who may see it
//! and adds what it sets going. Phones' events, clerks' acts and released events all pass here.

use std::collections::{BTreeMap, HashMap};

use lastmile_core::bug::{Bug, planted};
use lastmile_core::chore::worth_a_look;
use lastmile_core::event::{self, Actor, Envelope, Event, Fact, Lane};
use lastmile_core::fold::{FOLD_VERSION, LaneState, carry_on, needs_refold};
use lastmile_core::id::{CourierNo, Digest, EventId, StationId};
use lastmile_core::privacy::VaultRef;
use lastmile_core::react::{Reaction, react};
use lastmile_core::time::Moment;
use lastmile_core::visibility::{self, Relation, Sight, sees};
use lastmile_core::waybill::Waybill;

use super::chain::Fate;
use super::judge::LaneFacts;
use super::own::OwnChain;
use super::park;
use crate::codes;
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::{Folded, LaneRow, NewEvent, Origin, Row, Tx};

/// How an accepted event came to be where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arrival<'a> {
    /// It is new.
    New {
        /// Its hash.
        leaf: &'a Digest,
        /// Its bytes.
        bytes: &'a [u8],
        /// Where it stands in its device's chain.
        origin: Origin,
    },
    /// It was parked in this row.
    Released(Row),
}

/// Where an accepted event is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    /// Its row.
    pub row: Row,
    /// Its position in its lane.
    pub lane_seq: u64,
}

/// A courier who sees a lane.
#[derive(Debug, Clone, PartialEq)]
struct Viewer {
    no: CourierNo,
    relation: Relation,
}

/// A lane that this transaction has touched.
struct OpenLane {
    row: Row,
    /// The position the next event gets; positions up to `reserved_to` are ours already.
    next: u64,
    reserved_to: u64,
    known: bool,
    station: Option<StationId>,
    state: LaneState,
    changed: bool,
    /// What the row says beside the state: its station and what it is about.
    written: (bool, Option<Waybill>),
    viewers: Vec<Viewer>,
    viewers_changed: bool,
}

/// Everything one transaction does to lanes. Written by [`Ledger::settle`].
pub(crate) struct Ledger<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) tx: &'a dyn Tx,
    pub(crate) now: Moment,
    policy: u32,
    lanes: Vec<OpenLane>,
    index: HashMap<Lane, usize>,
    /// Lanes that got their first event here: others' events may be waiting for them.
    opened: Vec<Lane>,
    feeds: Feeds,
    own: BTreeMap<StationId, OwnChain>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(hub: &'a Hub, tx: &'a dyn Tx) -> Result<Self> {
        Ok(Self {
            hub,
            tx,
            now: hub.now(),
            policy: Hub::policy_version(tx)?,
            lanes: Vec::new(),
            index: HashMap::new(),
            opened: Vec::new(),
            feeds: BTreeMap::new(),
            own: BTreeMap::new(),
        })
    }

    /// Returns where a lane is in `lanes`, opened and locked if it was not yet.
    fn find(&mut self, lane: &Lane) -> Result<usize> {
        if let Some(at) = self.index.get(lane) {
            return Ok(*at);
        }
        let found = self.tx.lane(lane)?;
        let state = match found.state {
            Some(text) if found.fold == FOLD_VERSION => {
                serde_json::from_str(&text).map_err(|_| HubError::Damaged("a lane's state"))?
            }
            Some(_) => refold(self.tx, lane, found.row)?,
            None => LaneState::empty(lane),
        };
        let viewers = self.tx.viewers(found.row)?.into_iter();
        self.lanes.push(OpenLane {
            row: found.row,
            next: found.next,
            reserved_to: found.next,
            known: found.next > 1,
            written: (found.station.is_some(), found.about),
            station: found.station,
            state,
            changed: false,
            viewers: viewers.map(|(no, relation)| Viewer { no, relation }).collect(),
            viewers_changed: false,
        });
        self.index.insert(lane.clone(), self.lanes.len() - 1);
        Ok(self.lanes.len() - 1)
    }

    fn open(&mut self, lane: &Lane) -> Result<&mut OpenLane> {
        let at = self.find(lane)?;
        Ok(&mut self.lanes[at])
    }

    pub(crate) fn lane_row(&mut self, lane: &Lane) -> Result<Row> {
        Ok(self.open(lane)?.row)
    }

    pub(crate) fn lane_facts(&mut self, lane: &Lane) -> Result<LaneFacts<'_>> {
        let open = self.open(lane)?;
        Ok(LaneFacts { known: open.known, station: open.station.as_ref() })
    }

    /// Returns a lane's state; `None` while it has no event.
    pub(crate) fn state(&mut self, lane: &Lane) -> Result<Option<&LaneState>> {
        let open = self.open(lane)?;
        Ok(open.known.then_some(&open.state))
    }

    /// Reserves positions for the `count` events of a lane that are about to be accepted, so that
    /// its row is written once and not once per event.
    pub(crate) fn reserve(&mut self, lane: &Lane, count: u64) -> Result<()> {
        let tx = self.tx;
        let open = self.open(lane)?;
        open.next = tx.advance(open.row, count)?;
        open.reserved_to = open.next + count;
        Ok(())
    }

    /// Gives an event its place and does all that follows from it.
    pub(crate) fn accept(
        &mut self,
        event: &Event,
        arrival: Arrival,
        station: &StationId,
    ) -> Result<Placed> {
        let tx = self.tx;
        let lane = &event.envelope.lane;
        let at = self.find(lane)?;
        let open = &mut self.lanes[at];
        if open.next == open.reserved_to {
            open.next = tx.advance(open.row, 1)?;
            open.reserved_to = open.next + 1;
        }
        let lane_seq = open.next;
        open.next += 1;
        let id = event.envelope.id;
        let (row, released) = match arrival {
            Arrival::New { leaf, bytes, origin } => {
                let lane = Some(open.row);
                let new = NewEvent { id: Some(id), leaf, lane, place: Ok(lane_seq), origin, bytes };
                (tx.add_event(&new)?, false)
            }
            Arrival::Released(row) => {
                tx.place_event(row, id, open.row, lane_seq)?;
                (row, true)
            }
        };

        let before = open.state.clone();
        if needs_refold(&open.state, event) {
            let events = events_of(tx, open.row)?;
            carry_on(&mut open.state, lane, &events, events.len() - 1);
        } else {
            open.state.apply(event, Some(lane_seq));
        }
        open.changed = true;
        if open.station.is_none() {
            open.station = Some(station_of(event).unwrap_or(station).clone());
        }
        if !open.known {
            open.known = true;
            self.opened.push(lane.clone());
        }
        for item in event.fact.evidence() {
            tx.name_media(&item.sha256, open.row)?;
        }
        if let Fact::PersonErased(erased) = &event.fact {
            tx.erase(&erased.references)?;
            let expires_ms = self.now.ms + self.hub.settings.upload_ms;
            for sha256 in &erased.media {
                tx.erase_media(sha256, open.row, expires_ms)?;
            }
        }
        self.show(at, event, row, released)?;

        codes::tell_apart(self, event, &before, station)?;
        let open = &self.lanes[at];
        let reactions = react(&before, &open.state, event);
        if !reactions.is_empty() {
            let station = open.station.clone().unwrap_or_else(|| station.clone());
            for reaction in reactions {
                self.add_reaction(reaction, &station)?;
            }
        }
        Ok(Placed { row, lane_seq })
    }

    /// What [`Bug::FoldsBeforeDedupe`] does to an event that is held already.
    pub(super) fn fold_once_more(&mut self, event: &Event, fate: &Fate) -> Result<()> {
        let (Fate::Here(held) | Fate::Known(held)) = fate else { return Ok(()) };
        if let Ok(lane_seq) = held.place {
            let open = self.open(&event.envelope.lane)?;
            open.state.apply(event, Some(lane_seq));
            open.changed = true;
        }
        Ok(())
    }

    /// Adds an accepted event to the feeds of those who saw its lane before it or see it after.
    ///
    /// Who sees more of the lane than before is first sent what he missed of it.
    fn show(&mut self, at: usize, event: &Event, row: Row, released: bool) -> Result<()> {
        let open = &mut self.lanes[at];
        let after = visibility::viewers(&event.envelope.lane, &open.state).into_iter();
        let after: Vec<_> = after.map(|(no, relation)| Viewer { no, relation }).collect();
        let same = open.viewers == after;
        let before = std::mem::replace(&mut open.viewers, after);
        open.viewers_changed |= !same;
        let open = &self.lanes[at];
        for viewer in &open.viewers {
            let mut sight = sees(event, viewer.relation, &viewer.no);
            if !same {
                let was = before.iter().find(|was| was.no == viewer.no).map(|was| was.relation);
                catch_up(self.tx, open.row, row, viewer, was, &mut self.feeds)?;
                // Who sees less from now on is told why: his phone has to forget persons.
                sight = sight.max(was.map_or(sight, |was| sees(event, was, &viewer.no)));
            }
            add_to(&mut self.feeds, viewer, (row, sight, released));
        }
        // The event that takes the sight away is the last one that is shown.
        let lost = |was: &&Viewer| !same && open.viewers.iter().all(|viewer| viewer.no != was.no);
        for was in before.iter().filter(lost) {
            add_to(&mut self.feeds, was, (row, sees(event, was.relation, &was.no), released));
        }
        // Who recorded it hears that it has its place, also if the lane is none of his any more.
        if released && let Some(author) = event.envelope.actor.courier() {
            let hears = |viewers: &[Viewer]| viewers.iter().any(|viewer| &viewer.no == author);
            if !hears(&before) && !hears(&open.viewers) {
                let entry = (row, Sight::FactAndPerson, released);
                self.feeds.entry(author.clone()).or_default().push(entry);
            }
        }
        Ok(())
    }

    fn add_reaction(&mut self, reaction: Reaction, station: &StationId) -> Result<()> {
        if self.tx.event_by_id(reaction.id)?.is_some() {
            return Ok(());
        }
        let actor = Actor::Station(station.clone());
        self.record(reaction.id, &reaction.lane, reaction.fact, &actor, station, None)?;
        Ok(())
    }

    /// Records a fact as the hub's own device at a station. Returns its position in its lane.
    pub(crate) fn record(
        &mut self,
        id: EventId,
        lane: &Lane,
        fact: Fact,
        actor: &Actor,
        station: &StationId,
        group: Option<event::Group>,
    ) -> Result<u64> {
        let seen = self.open(lane)?.next - 1;
        let chain = self.own_chain(station)?;
        let event = Event {
            envelope: Envelope {
                id,
                lane: lane.clone(),
                device: chain.device.id,
                actor: actor.clone(),
                at: self.now,
                boot: None,
                place: None,
                seen,
                policy: self.policy,
                epoch: None,
                group,
                against: None,
                late: None,
                must_understand: false,
            },
            fact,
        };
        let bytes = event.to_bytes();
        let leaf = event::leaf(&bytes);
        let (origin, link) = self.own_chain(station)?.add(leaf);
        let placed =
            self.accept(&event, Arrival::New { leaf: &leaf, bytes: &bytes, origin }, station)?;
        self.tx.put_position(&origin, &link, placed.row)?;
        Ok(placed.lane_seq)
    }

    fn own_chain(&mut self, station: &StationId) -> Result<&mut OwnChain> {
        if !self.own.contains_key(station) {
            let chain = OwnChain::at(self.hub, self.tx, station)?;
            self.own.insert(station.clone(), chain);
        }
        self.own.get_mut(station).ok_or(HubError::Damaged("its own chain"))
    }

    /// Takes in what waited for lanes that are open now, and writes everything down.
    pub(crate) fn settle(mut self) -> Result<()> {
        while let Some(lane) = self.opened.pop() {
            park::reconsider_lane(&mut self, &lane)?;
        }
        for open in self.lanes.iter().filter(|open| open.changed) {
            let state = serde_json::to_string(&open.state)
                .map_err(|_| HubError::Damaged("a lane's state"))?;
            if open.written != (open.station.is_some(), about(&open.state).cloned()) {
                self.tx.put_lane(open.row, open.station.as_ref(), about(&open.state))?;
            }
            let folded = Folded {
                state: &state,
                fold: FOLD_VERSION,
                open: open.state.is_open(),
                due_ms: worth_a_look(&open.state),
            };
            self.tx.put_state(open.row, &folded)?;
            // A code is kept until its stay ends (C4.8).
            if let Some(parcel) = open.state.parcel() {
                self.tx.erase(&parcel.storage.spent_codes)?;
            }
            if open.viewers_changed {
                let viewers = open.viewers.iter().map(|viewer| (&viewer.no, viewer.relation));
                self.tx.put_viewers(open.row, &viewers.collect::<Vec<_>>())?;
            }
        }
        for (no, entries) in &self.feeds {
            self.tx.add_to_feed(self.tx.courier(no)?, entries)?;
        }
        for chain in self.own.values() {
            chain.finish(self.hub, self.tx, self.now.ms)?;
        }
        Ok(())
    }
}

/// The parcel that a case or a complaint is about.
fn about(state: &LaneState) -> Option<&Waybill> {
    match state {
        LaneState::Pickup(order) => order.waybill.as_ref(),
        LaneState::Exception(case) => case.waybill.as_ref(),
        LaneState::Complaint(complaint) => complaint.waybill.as_ref(),
        LaneState::Parcel(_) | LaneState::Log { .. } => None,
    }
}

/// The station that an event names for its lane.
fn station_of(event: &Event) -> Option<&StationId> {
    match &event.fact {
        Fact::ParcelAnnounced(announced) => Some(&announced.station),
        Fact::PickupAnnounced(announced) => Some(&announced.station),
        _ => None,
    }
}

/// Reads what a lane came to.
pub(crate) fn state_of(tx: &dyn Tx, lane: &Lane, row: &LaneRow) -> Result<LaneState> {
    match &row.state {
        Some(text) if row.fold == FOLD_VERSION => {
            serde_json::from_str(text).map_err(|_| HubError::Damaged("a lane's state"))
        }
        _ => refold(tx, lane, row.row),
    }
}

/// Returns the persons who are shown masked to everybody, for they are to be erased.
pub(crate) fn masked(state: &LaneState) -> Vec<VaultRef> {
    let Some(parcel) = state.parcel() else { return Vec::new() };
    parcel.erasure_held.iter().filter_map(|party| parcel.person(*party)).collect()
}

/// Folds a lane from its events.
fn refold(tx: &dyn Tx, lane: &Lane, row: Row) -> Result<LaneState> {
    let mut state = LaneState::empty(lane);
    carry_on(&mut state, lane, &events_of(tx, row)?, 0);
    Ok(state)
}

/// Reads the events of a lane in the order of their places.
fn events_of(tx: &dyn Tx, row: Row) -> Result<Vec<(Event, Option<u64>)>> {
    let held = tx.lane_events(row)?;
    held.iter().map(|held| Ok((parse(&held.bytes)?, held.place.ok()))).collect()
}

type Feeds = BTreeMap<CourierNo, Vec<(Row, Sight, bool)>>;

fn add_to(feeds: &mut Feeds, viewer: &Viewer, entry: (Row, Sight, bool)) {
    match feeds.get_mut(&viewer.no) {
        Some(feed) => feed.push(entry),
        None => _ = feeds.insert(viewer.no.clone(), vec![entry]),
    }
}

/// Adds the events of a lane before this one that a courier sees more of than he did.
fn catch_up(
    tx: &dyn Tx,
    lane: Row,
    this: Row,
    viewer: &Viewer,
    was: Option<Relation>,
    feeds: &mut Feeds,
) -> Result<()> {
    if was == Some(viewer.relation) || planted(Bug::CatchUpForgotten) {
        return Ok(());
    }
    for held in tx.lane_events(lane)?.iter().filter(|held| held.row != this) {
        let event = parse(&held.bytes)?;
        let sight = sees(&event, viewer.relation, &viewer.no);
        if was.is_none_or(|was| sight > sees(&event, was, &viewer.no)) {
            add_to(feeds, viewer, (held.row, sight, false));
        }
    }
    Ok(())
}

/// Reads an event that was read before it was held.
pub(crate) fn parse(bytes: &[u8]) -> Result<Event> {
    Event::parse(bytes).map_err(|_| HubError::Damaged("an event"))
}
