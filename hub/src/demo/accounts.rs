//! The accounts at the end of the day. The hub is asked, over HTTP: what a phone believes to be
//! confirmed counts for nothing here.

use lastmile_core::event::{Event, Fact, Lane};
use lastmile_core::id::{Digest, StationId};
use lastmile_core::privacy::VaultRef;

use super::Trouble;
use super::day::{Day, Delivery, Script};
use super::station::{Clerk, EventView, LaneView};

/// A delivery further than this from its address is pointed out, metres.
const FAR_M: u32 = 100;
/// A delivery nearer than this to the station was recorded there, metres.
const AT_STATION_M: u32 = 60;

/// So many missing things are named one by one.
const MOST_MISSING: usize = 20;

/// Where a courier's deliveries were recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Places {
    /// Over 100 m from the address.
    pub far: u32,
    /// Over 200 m from the address.
    pub very_far: u32,
    /// Within 60 m of the station.
    pub at_station: u32,
}

/// What the hub has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Deliveries of the day.
    pub expected: usize,
    /// Those that the hub has in full.
    pub accounted: usize,
    /// What is missing of the others.
    pub missing: Vec<String>,
    /// In the order of the day's couriers.
    pub places: Vec<Places>,
    /// Exceptions that the hub has in full.
    pub exceptions: usize,
    /// Complaints that the hub has in full.
    pub complaints: usize,
    /// Pictures whose every byte the hub gave back.
    pub pictures: usize,
}

impl Accounts {
    /// Tells whether nothing is missing.
    pub fn complete(&self) -> bool {
        self.accounted == self.expected && self.missing.is_empty()
    }

    /// Says what the hub has: what is missing first, the deliveries last.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "The hub was asked for everything over HTTP: events in their places, people and texts,\n\
             pictures byte for byte. It has {} exceptions, {} complaints and {} pictures in full.\n",
            self.exceptions, self.complaints, self.pictures,
        );
        for missing in self.missing.iter().take(MOST_MISSING) {
            text.extend(["MISSING  ", missing, "\n"]);
        }
        if let Some(more) = self.missing.len().checked_sub(MOST_MISSING + 1) {
            text.extend(["MISSING  and ", &(more + 1).to_string(), " more\n"]);
        }
        text + &format!("{} of {} deliveries accounted for", self.accounted, self.expected)
    }
}

/// Asks the hub for every delivery, every exception and every complaint of the day.
pub fn ask(day: &Day, clerk: &Clerk) -> Result<Accounts, Trouble> {
    let places = vec![Places::default(); day.couriers.len()];
    let mut accounts = Accounts { expected: day.deliveries.len(), places, ..Accounts::default() };
    for delivery in &day.deliveries {
        let lane = Lane::Parcel(delivery.waybill.clone());
        let mut check = Check { clerk, station: &delivery.station, pictures: 0 };
        // Whatever the hub answers but the lane: the delivery is not accounted for.
        let lacks = match clerk.lane(&delivery.station, &lane) {
            Ok(view) => match outcome(day, delivery, &view) {
                Some(fact) => {
                    note_place(&mut accounts.places[delivery.courier], delivery, &fact);
                    check.whole(&view)
                }
                None => Some("its hand-over"),
            },
            Err(_) => Some("its lane"),
        };
        accounts.pictures += check.pictures;
        match lacks {
            None => accounts.accounted += 1,
            Some(what) => accounts.missing.push(format!("{} lacks {what}", delivery.waybill)),
        }
    }
    accounts.exceptions = cases(clerk, "exceptions", &mut accounts)?;
    accounts.complaints = cases(clerk, "complaints", &mut accounts)?;
    let scripted = |rule: fn(&Script) -> bool| {
        day.deliveries.iter().filter(|delivery| rule(&delivery.script)).count()
    };
    for (what, held, played) in [
        ("exceptions", accounts.exceptions, scripted(|script| script.dented)),
        ("complaints", accounts.complaints, scripted(|script| script.complaint)),
    ] {
        if held < played {
            accounts.missing.push(format!("the hub has {held} of {played} {what}"));
        }
    }
    Ok(accounts)
}

/// Counts the cases the hub has in full, and notes those it has not.
fn cases(clerk: &Clerk, kind: &str, accounts: &mut Accounts) -> Result<usize, Trouble> {
    let mut whole = 0;
    for (station, lane) in clerk.cases(kind)? {
        let view = clerk.lane(station, &lane)?;
        let mut check = Check { clerk, station, pictures: 0 };
        match check.whole(&view) {
            None => whole += 1,
            Some(what) => accounts.missing.push(format!("{lane} lacks {what}")),
        }
        accounts.pictures += check.pictures;
    }
    Ok(whole)
}

/// Finds the fact that ends a delivery: by its courier, at its time.
fn outcome(day: &Day, delivery: &Delivery, view: &LaneView) -> Option<Fact> {
    let courier = &day.couriers[delivery.courier].no;
    view.events.iter().filter_map(parse).find_map(|event| {
        let ends = match &event.fact {
            Fact::ParcelDelivered(_) => !delivery.script.stored,
            Fact::ParcelStored(_) => delivery.script.stored,
            _ => false,
        };
        let its = event.envelope.actor.courier() == Some(courier)
            && event.envelope.at.ms == delivery.delivered_ms;
        (ends && its).then_some(event.fact)
    })
}

fn parse(event: &EventView) -> Option<Event> {
    Event::parse(event.line.get().as_bytes()).ok()
}

/// Takes the distances from the hand-over's own event. A stored parcel's event names its site and
/// no distance; for it they are measured from the same two places.
fn note_place(places: &mut Places, delivery: &Delivery, fact: &Fact) {
    let (address_gap_m, station_gap_m) = match fact {
        Fact::ParcelDelivered(delivered) => (delivered.address_gap_m, delivered.station_gap_m),
        _ => (
            delivery.delivered_at.map(|here| here.metres_to(delivery.address)),
            delivery.delivered_at.zip(delivery.station_at).map(|(here, at)| here.metres_to(at)),
        ),
    };
    places.far += u32::from(address_gap_m.is_some_and(|gap| gap > FAR_M));
    places.very_far += u32::from(address_gap_m.is_some_and(|gap| gap > 2 * FAR_M));
    places.at_station += u32::from(station_gap_m.is_some_and(|gap| gap <= AT_STATION_M));
}

/// Looks whether the hub has everything that a lane's events point at.
struct Check<'a> {
    clerk: &'a Clerk,
    station: &'a StationId,
    pictures: usize,
}

impl Check<'_> {
    /// Says what the hub lacks of a lane; `None` if nothing.
    fn whole(&mut self, view: &LaneView) -> Option<&'static str> {
        for held in &view.events {
            let Some(event) = parse(held) else { return Some("an event that can be read") };
            if vault_refs(&event.fact).iter().any(|at| !view.vault.contains_key(&at.to_string())) {
                return Some("a person or a text");
            }
            for item in event.fact.evidence() {
                let bytes = self.clerk.picture(self.station, held.device, &item.sha256);
                if bytes.is_none_or(|bytes| Digest::of(&[&bytes]) != item.sha256) {
                    return Some("a picture");
                }
                self.pictures += 1;
            }
        }
        None
    }
}

/// The vault entries that the facts of this demo point at.
fn vault_refs(fact: &Fact) -> Vec<VaultRef> {
    match fact {
        Fact::ParcelAnnounced(fact) => vec![fact.recipient, fact.sender],
        Fact::ParcelDelivered(fact) => fact.taker.into_iter().collect(),
        Fact::ParcelStored(fact) => fact.code.into_iter().collect(),
        Fact::ExceptionReported(fact) => fact.note.into_iter().collect(),
        Fact::ComplaintReceived(fact) => vec![fact.complainant, fact.demand],
        Fact::ComplaintClosed(fact) => vec![fact.outcome],
        _ => Vec::new(),
    }
}
