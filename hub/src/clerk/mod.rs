//! `/v1/clerk/…`: what a station does at its hub, in plain JSON.
//!
//! A clerk acts at his own station. An admin belongs to none and names one in the header
//! `Lastmile-Station`; a station he names for the first time is made.

mod act;
mod desk;
mod manifest;
mod orders;
mod rows;
mod views;

pub(crate) use act::judge;

use lastmile_core::event::Actor;
use lastmile_core::id::StationId;

use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::secret;
use crate::store::{Clerk, Tx};

/// Who acts, and where.
pub(super) struct Acting {
    clerk: Clerk,
    station: StationId,
}

impl Acting {
    fn of(hub: &Hub, tx: &dyn Tx, request: &Request) -> Result<Self> {
        let token = request.token().ok_or_else(HubError::unauthorised)?;
        let found = tx.clerk_by_token(&secret::hash(token))?;
        let clerk = found.ok_or_else(HubError::unauthorised)?;
        let named = request.get("Lastmile-Station").map(StationId::new).transpose()?;
        let station = match (&clerk.station, named) {
            (Some(own), Some(named)) if *own != named => {
                return Err(HubError::asked(
                    403,
                    "OtherStation",
                    "this token acts at another station; leave Lastmile-Station out",
                ));
            }
            (Some(own), _) => own.clone(),
            (None, Some(named)) => {
                hub.station(tx, &named)?;
                named
            }
            (None, None) => {
                return Err(HubError::asked(
                    400,
                    "StationMissing",
                    "say in the header Lastmile-Station at which station you act",
                ));
            }
        };
        Ok(Self { clerk, station })
    }

    fn actor(&self) -> Actor {
        Actor::Clerk(self.clerk.no.clone())
    }
}

/// Answers a clerk's request. Each is one transaction.
pub(crate) fn handle(hub: &Hub, request: &Request, path: &[&str]) -> Result<Response> {
    let tx = hub.store.begin()?;
    let acting = Acting::of(hub, &*tx, request)?;
    if let ("GET", ["media", device, sha256]) = (request.method.as_str(), path) {
        let file = views::find_media(&*tx, &acting, device, sha256)?;
        // Nobody waits for the database while a video is read.
        drop(tx);
        return views::media(hub, &file);
    }
    let answer = match (request.method.as_str(), path) {
        ("POST", ["commands"]) => act::command(hub, &*tx, &acting, request),
        ("POST", ["manifest"]) => manifest::import(hub, &*tx, &acting, request),
        ("POST", ["pickups"]) => orders::import(hub, &*tx, &acting, request),
        ("GET", ["lanes", rest @ ..]) => views::lane(hub, &*tx, &acting, &rest.join("/")),
        ("GET", [kind @ ("parcels" | "pickups" | "exceptions" | "complaints")]) => {
            views::list(&*tx, &acting, kind, request)
        }
        ("GET", ["agenda"]) => views::agenda(&*tx, &acting),
        ("GET", ["review"]) => views::review(&*tx, &acting),
        ("GET", ["previews", device, sha256]) => views::preview(&*tx, &acting, device, sha256),
        ("GET", ["bundle", waybill]) => views::bundle(hub, &*tx, &acting, waybill, request),
        ("GET", ["parked"]) => desk::parked(&*tx, &acting),
        ("GET", ["parked", event]) => desk::export(&*tx, &acting, event),
        ("POST", ["parked", event, "release"]) => desk::release(hub, &*tx, &acting, event),
        ("GET", ["lost"]) => desk::lost(&*tx, &acting),
        ("GET", ["devices"]) => desk::devices(&*tx, &acting),
        ("POST", ["devices", id, "quarantine"]) => {
            desk::quarantine(hub, &*tx, &acting, id, request)
        }
        ("POST", ["codes"]) => desk::code(hub, &*tx, &acting, request),
        ("POST", ["clerks"]) => desk::clerk(hub, &*tx, &acting, request),
        ("GET", ["directory"]) => desk::directory(&*tx, &acting),
        ("PUT", ["directory"]) => desk::put_directory(&*tx, &acting, request),
        ("GET", ["policy"]) => desk::policy(&*tx),
        ("PUT", ["policy"]) => desk::put_policy(hub, &*tx, &acting, request),
        _ => Err(HubError::not_found("this path")),
    }?;
    tx.commit()?;
    if path == ["commands"] {
        hub.delete_erased();
    }
    Ok(answer)
}
