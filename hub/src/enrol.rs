//! Enrolment: a one-time code becomes a device with its token, and a session for one shift.

use lastmile_core::badge::{Badge, Profile};
use lastmile_core::id::{CourierNo, DeviceId, StationId};
use lastmile_core::signature;
use lastmile_core::sync::wire::{
    EnrolAgainRequest, EnrolRequest, Enrolment, SessionGrant, SessionRequest,
};

use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::secret;
use crate::store::{Code, Device, Row, Tx};

impl Hub {
    /// Makes a one-time code with which `courier` enrols a phone at `station` or renews a
    /// session. It is kept only as its hash.
    pub fn new_code(&self, courier: CourierNo, station: StationId) -> Result<String> {
        let code = secret::new_code(&*self.entropy);
        let tx = self.store.begin()?;
        self.station(&*tx, &station)?;
        let expires_ms = self.now_ms() + self.settings.code_ms;
        tx.put_code(&secret::hash(&code), &Code { courier, station, expires_ms })?;
        tx.commit()?;
        Ok(code)
    }

    /// Uses up a code that is still good.
    fn use_code(&self, tx: &dyn Tx, code: &str) -> Result<Code> {
        let found = tx.take_code(&secret::hash(code))?;
        found.filter(|code| code.expires_ms > self.now_ms()).ok_or_else(|| {
            HubError::asked(401, "CodeSpent", "the code is wrong, used or expired; ask for another")
        })
    }

    fn new_session(&self, tx: &dyn Tx, device: Row) -> Result<(String, i64)> {
        let token = secret::new_token(&*self.entropy);
        let now_ms = self.now_ms();
        let expires_ms = now_ms + self.settings.session_ms;
        tx.put_session(&secret::hash(&token), device, expires_ms, now_ms)?;
        Ok((token, expires_ms))
    }

    /// Makes a courier's phone a device of this hub and returns its row.
    fn admit(&self, tx: &dyn Tx, profile: Profile, token: &str) -> Result<Row> {
        let now_ms = self.now_ms();
        let device = Device {
            row: 0,
            id: profile.device,
            courier: Some(profile.courier),
            station: profile.station,
            public_key: profile.public_key,
            quarantined: false,
            enrolled_ms: now_ms,
            seen_ms: now_ms,
            pending: 0,
        };
        tx.add_device(&device, Some(&secret::hash(token)))
    }

    /// Begins a session of an enrolled device, and says all that its phone has to know.
    fn enrolment(&self, tx: &dyn Tx, device: Row, device_token: String) -> Result<Response> {
        let device = tx.device(device)?;
        let (session_token, expires_ms) = self.new_session(tx, device.row)?;
        let enrolment = Enrolment {
            device: device.id,
            courier: device.courier.clone().ok_or(HubError::Damaged("a courier's device"))?,
            station: device.station.clone(),
            device_token,
            session_token,
            root_key: self.root_key(),
            epoch: Hub::epoch(tx)?,
            badge: self.badge(&device, expires_ms),
        };
        Ok(Response::json(201, &enrolment))
    }

    /// Signs the badge of a courier's phone, good for as long as its session.
    fn badge(&self, device: &Device, valid_until_ms: i64) -> Option<String> {
        let courier = device.courier.clone()?;
        Some(self.keys.badge(Profile {
            device: device.id,
            courier,
            station: device.station.clone(),
            public_key: device.public_key.clone(),
            valid_until_ms,
        }))
    }
}

/// `POST /v1/enrol`.
pub(crate) fn enrol(hub: &Hub, request: &Request) -> Result<Response> {
    let asked: EnrolRequest = request.read_json("an enrolment")?;
    if asked.public_key.as_deref().is_some_and(|key| signature::read_public(key).is_none()) {
        return Err(HubError::asked(
            400,
            "BadPublicKey",
            "the public key is not a P-256 point in SEC1; send it in hexadecimal",
        ));
    }
    let tx = hub.store.begin()?;
    let code = hub.use_code(&*tx, &asked.code)?;
    let token = secret::new_token(&*hub.entropy);
    let profile = Profile {
        device: DeviceId::new(hub.now_ms(), &*hub.entropy),
        courier: code.courier,
        station: code.station,
        public_key: asked.public_key,
        valid_until_ms: 0, // a session's: a device has no end
    };
    let id = profile.device;
    let device = hub.admit(&*tx, profile, &token)?;
    let answer = hub.enrolment(&*tx, device, token)?;
    tx.commit()?;
    tracing::info!(device = %id, "a device enrolled");
    Ok(answer)
}

/// `POST /v1/enrol/again`: a phone that this hub has a badge out for, and no token any more.
pub(crate) fn enrol_again(hub: &Hub, request: &Request) -> Result<Response> {
    let asked: EnrolAgainRequest = request.read_json("an enrolment")?;
    let badge = Badge::read(&asked.badge).ok();
    let badge = badge.filter(|badge| badge.verify(&hub.root_key()).is_ok()).ok_or_else(|| {
        HubError::asked(409, "BadBadge", "the badge is not one of this hub; enrol a new store")
    })?;
    let tx = hub.store.begin()?;
    let code = hub.use_code(&*tx, &asked.code)?;
    if badge.profile.courier != code.courier {
        return Err(other_courier());
    }
    let id = badge.profile.device;
    let token = secret::new_token(&*hub.entropy);
    let device = if let Some(device) = tx.device_by_id(id)? {
        tx.set_token(device.row, &secret::hash(&token))?;
        device.row
    } else {
        hub.station(&*tx, &badge.profile.station)?;
        hub.admit(&*tx, badge.profile, &token)?
    };
    let answer = hub.enrolment(&*tx, device, token)?;
    tx.commit()?;
    tracing::info!(device = %id, "a device enrolled again");
    Ok(answer)
}

/// The code is not used up: the transaction is dropped.
fn other_courier() -> HubError {
    HubError::asked(
        403,
        "OtherCourier",
        "the code was given to another courier; ask for one of your own",
    )
}

/// `POST /v1/session`: a device whose session has ended signs in again with a new code.
pub(crate) fn renew_session(hub: &Hub, request: &Request) -> Result<Response> {
    let asked: SessionRequest = request.read_json("a session request")?;
    let tx = hub.store.begin()?;
    let device = Hub::device_of(&*tx, request)?;
    let code = hub.use_code(&*tx, &asked.code)?;
    if device.courier.as_ref() != Some(&code.courier) {
        return Err(other_courier());
    }
    let (session_token, expires_ms) = hub.new_session(&*tx, device.row)?;
    tx.commit()?;
    let badge = hub.badge(&device, expires_ms);
    Ok(Response::json(201, &SessionGrant { session_token, expires_ms, badge }))
}

/// `DELETE /v1/session`: signing out. The device token still pushes.
pub(crate) fn end_session(hub: &Hub, request: &Request) -> Result<Response> {
    let tx = hub.store.begin()?;
    Hub::device_of(&*tx, request)?;
    if let Some(token) = request.get("Lastmile-Session") {
        tx.end_session(&secret::hash(token))?;
    }
    tx.commit()?;
    Ok(Response::new(204))
}
