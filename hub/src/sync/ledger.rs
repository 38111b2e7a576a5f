//! The one way into a lane: gives an event its place, folds it, shows it to those who may see it
//! and adds what it sets going. Phones' events, clerks' acts and released events all pass here.

use std::collections::{BTreeMap, HashMap};

use lastmile_core::event::{self, Actor, Envelope, Event, Fact, Lane};
use lastmile_core::fold::{FOLD_VERSION, LaneState, fold, needs_refold};
use lastmile_core::id::{CourierNo, Digest, EventId, StationId};
use lastmile_core::react::{Reaction, react};
use lastmile_core::sync::wire::{ReceiptBody, Verdict, verdict_list};
use lastmile_core::time::Moment;
use lastmile_core::visibility::{self, Relation, Sight, sees};
use lastmile_core::waybill::Waybill;

use super::judge::LaneFacts;
use super::park;
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::{Device, Head, LaneRow, NewEvent, Origin, Row, Stretch, Tx};

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
    viewers: Vec<(CourierNo, Relation)>,
    viewers_changed: bool,
}

/// The stretch that this transaction adds to the hub's own chain at a station.
struct OwnChain {
    device: Device,
    first_seq: u64,
    prev_link: Digest,
    link: Digest,
    leaves: Vec<Digest>,
}

/// The hub's own chains never fork: they have one incarnation.
const OWN_INCARNATION: u32 = 1;

/// Everything one transaction does to lanes. Written by [`Ledger::settle`].
pub(crate) struct Ledger<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) tx: &'a dyn Tx,
    pub(crate) now: Moment,
    policy: u32,
    lanes: HashMap<Lane, OpenLane>,
    /// Lanes that got their first event here: others' events may be waiting for them.
    opened: Vec<Lane>,
    feed: Vec<(CourierNo, (Row, Sight, bool))>,
    own: BTreeMap<StationId, OwnChain>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(hub: &'a Hub, tx: &'a dyn Tx) -> Result<Self> {
        Ok(Self {
            hub,
            tx,
            now: hub.now(),
            policy: Hub::policy(tx)?.version,
            lanes: HashMap::new(),
            opened: Vec::new(),
            feed: Vec::new(),
            own: BTreeMap::new(),
        })
    }

    fn open(&mut self, lane: &Lane) -> Result<&mut OpenLane> {
        if !self.lanes.contains_key(lane) {
            let found = self.tx.lane(lane)?;
            let state = match found.state {
                Some(text) if found.fold == FOLD_VERSION => {
                    serde_json::from_str(&text).map_err(|_| HubError::Damaged("a lane's state"))?
                }
                Some(_) => refold(self.tx, lane, found.row)?,
                None => LaneState::empty(lane),
            };
            let open = OpenLane {
                row: found.row,
                next: found.next,
                reserved_to: found.next,
                known: found.next > 1,
                station: found.station,
                state,
                changed: false,
                viewers: self.tx.viewers(found.row)?,
                viewers_changed: false,
            };
            self.lanes.insert(lane.clone(), open);
        }
        self.lanes.get_mut(lane).ok_or(HubError::Damaged("a lane"))
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
        let open = self.open(lane)?;
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
        if needs_refold(event) {
            open.state = refold(tx, lane, open.row)?;
        } else {
            open.state.apply(event, Some(lane_seq));
        }
        open.changed = true;
        let opened = !open.known;
        open.known = true;
        if open.station.is_none() {
            open.station = Some(station_of(event).unwrap_or(station).clone());
        }
        if opened {
            self.opened.push(lane.clone());
        }
        self.show(event, row, released)?;

        let open = self.open(lane)?;
        let reactions = react(&before, &open.state, event);
        let station = open.station.clone().unwrap_or_else(|| station.clone());
        for reaction in reactions {
            self.add_reaction(reaction, &station)?;
        }
        Ok(Placed { row, lane_seq })
    }

    /// Adds an accepted event to the feeds of those who saw its lane before it or see it after.
    ///
    /// Who sees more of the lane than before is first sent what he missed of it.
    fn show(&mut self, event: &Event, row: Row, released: bool) -> Result<()> {
        let tx = self.tx;
        let lane = &event.envelope.lane;
        let open = self.open(lane)?;
        let after = visibility::viewers(lane, &open.state);
        let before = std::mem::replace(&mut open.viewers, after.clone());
        open.viewers_changed |= before != after;
        let lane_row = open.row;
        for (no, relation) in &before {
            // The event that takes the sight away is the last one that is shown.
            if !after.iter().any(|(known, _)| known == no) {
                self.feed.push((no.clone(), (row, sees(event, *relation, no), released)));
            }
        }
        let mut earlier = None;
        for (no, relation) in &after {
            let was = before.iter().find(|(known, _)| known == no).map(|(_, was)| *was);
            if was != Some(*relation) {
                if earlier.is_none() {
                    earlier = Some(before_this(tx, lane_row, row)?);
                }
                for (old_row, old) in earlier.iter().flatten() {
                    let sight = sees(old, *relation, no);
                    if was.is_none_or(|was| sight > sees(old, was, no)) {
                        self.feed.push((no.clone(), (*old_row, sight, false)));
                    }
                }
            }
            self.feed.push((no.clone(), (row, sees(event, *relation, no), released)));
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
        let open = self.open(lane)?;
        let (seen, epoch) = (open.next - 1, None);
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
                epoch,
                group,
                against: None,
                must_understand: false,
            },
            fact,
        };
        let bytes = event.to_bytes();
        let leaf = event::leaf(&bytes);
        let chain = self.own_chain(station)?;
        chain.link = event::link(&chain.link, &leaf);
        let origin = Origin {
            device: chain.device.row,
            incarnation: OWN_INCARNATION,
            seq: chain.first_seq + chain.leaves.len() as u64,
        };
        chain.leaves.push(leaf);
        let link = chain.link;
        let placed =
            self.accept(&event, Arrival::New { leaf: &leaf, bytes: &bytes, origin }, station)?;
        self.tx.put_position(&origin, &link, placed.row)?;
        Ok(placed.lane_seq)
    }

    fn own_chain(&mut self, station: &StationId) -> Result<&mut OwnChain> {
        if !self.own.contains_key(station) {
            let device = self.hub.station(self.tx, station)?.device;
            let head = self.tx.head(device.row, OWN_INCARNATION)?;
            let link = head.map_or_else(Digest::default, |head| head.link);
            let chain = OwnChain {
                device,
                first_seq: head.map_or(0, |head| head.received_to) + 1,
                prev_link: link,
                link,
                leaves: Vec::new(),
            };
            self.own.insert(station.clone(), chain);
        }
        self.own.get_mut(station).ok_or(HubError::Damaged("its own chain"))
    }

    /// Takes in what waited for lanes that are open now, and writes everything down.
    pub(crate) fn settle(mut self) -> Result<()> {
        while let Some(lane) = self.opened.pop() {
            park::reconsider_lane(&mut self, &lane)?;
        }
        for open in self.lanes.values().filter(|open| open.changed) {
            let state = serde_json::to_string(&open.state)
                .map_err(|_| HubError::Damaged("a lane's state"))?;
            self.tx.put_lane(&LaneRow {
                row: open.row,
                next: open.next,
                station: open.station.clone(),
                about: about(&open.state).cloned(),
                state: Some(state),
                fold: FOLD_VERSION,
            })?;
            if open.viewers_changed {
                self.tx.put_viewers(open.row, &open.viewers)?;
            }
        }
        let mut feeds: BTreeMap<&CourierNo, Vec<(Row, Sight, bool)>> = BTreeMap::new();
        for (no, entry) in &self.feed {
            feeds.entry(no).or_default().push(*entry);
        }
        for (no, entries) in feeds {
            self.tx.add_to_feed(self.tx.courier(no)?, &entries)?;
        }
        for chain in self.own.values().filter(|chain| !chain.leaves.is_empty()) {
            self.sign_own(chain)?;
        }
        Ok(())
    }

    fn sign_own(&self, chain: &OwnChain) -> Result<()> {
        let count = chain.leaves.len();
        let accepted = Verdict::Accepted(0);
        let list = verdict_list(chain.leaves.iter().map(|leaf| (leaf, &accepted)));
        let count32 = u32::try_from(count).unwrap_or(u32::MAX);
        let receipt = self.hub.keys.sign(&ReceiptBody {
            device: chain.device.id,
            incarnation: OWN_INCARNATION,
            first_seq: chain.first_seq,
            count: count32,
            prev_link: chain.prev_link,
            head: chain.link,
            verdicts: Digest::of(&[list.as_bytes()]),
            chain_gap: false,
            hub_ms: self.now.ms,
        });
        let received_to = chain.first_seq + count as u64 - 1;
        let head = Head { incarnation: OWN_INCARNATION, received_to, link: chain.link };
        self.tx.put_head(chain.device.row, &head)?;
        let stretch = Stretch {
            first_seq: chain.first_seq,
            count: count32,
            letters: "a".repeat(count),
            forked: Vec::new(),
            receipt,
            signed: None,
        };
        self.tx.put_receipt(chain.device.row, OWN_INCARNATION, &stretch)
    }
}

/// The parcel that a case or a complaint is about.
fn about(state: &LaneState) -> Option<&Waybill> {
    match state {
        LaneState::Exception(case) => case.waybill.as_ref(),
        LaneState::Complaint(complaint) => complaint.waybill.as_ref(),
        LaneState::Parcel(_) | LaneState::Log { .. } => None,
    }
}

/// The station that an event names for its lane.
fn station_of(event: &Event) -> Option<&StationId> {
    match &event.fact {
        Fact::ParcelAnnounced(announced) => Some(&announced.station),
        _ => None,
    }
}

/// Folds a lane from its events.
pub(crate) fn refold(tx: &dyn Tx, lane: &Lane, row: Row) -> Result<LaneState> {
    let events: Vec<(Event, u64)> = tx
        .lane_events(row)?
        .iter()
        .map(|held| Ok((parse(&held.bytes)?, held.place.unwrap_or_default())))
        .collect::<Result<_>>()?;
    Ok(fold(lane, events.iter().map(|(event, lane_seq)| (event, Some(*lane_seq)))))
}

/// Returns the placed events of a lane but one.
fn before_this(tx: &dyn Tx, lane: Row, but: Row) -> Result<Vec<(Row, Event)>> {
    let held = tx.lane_events(lane)?;
    let others = held.iter().filter(|held| held.row != but);
    others.map(|held| Ok((held.row, parse(&held.bytes)?))).collect()
}

/// Reads an event that was read before it was held.
pub(crate) fn parse(bytes: &[u8]) -> Result<Event> {
    Event::parse(bytes).map_err(|_| HubError::Damaged("an event"))
}
