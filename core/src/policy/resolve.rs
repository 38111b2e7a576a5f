//! Resolving: layers lie on each other, and a floor gives way to the stricter side only.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pack::{Layer, Pack, Peak, Reader, Scope, Setting};
use super::values::{Policy, Stricter, TABLE, row};
use crate::document::{Document, Fault, Problem, Signed, Unfit};
use crate::id::StationId;

/// The legal floors that come with the library. They lie under every pack.
static LAW: LazyLock<Pack> = LazyLock::new(|| Reader::default().pack(LAW_FILE));

pub(super) const LAW_FILE: &str = include_str!("law.json");

/// Why a value is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Explanation {
    /// The value's name.
    pub name: String,
    /// What it is, as JSON.
    pub value: String,
    /// The layer it comes from: `library`, `law`, `company`, `station JL31`, `peak spring`.
    pub layer: String,
    /// The source that the layer gives.
    pub source: String,
    /// The version of the pack.
    pub version: u32,
    /// Layers above may only tighten it.
    pub floor: bool,
    /// Which side is the stricter one.
    pub stricter: Stricter,
    /// The layer and source that made it a floor, if it is one.
    pub floor_source: Option<String>,
}

impl Explanation {
    /// Returns it as one line, for a screen.
    pub fn line(&self) -> String {
        let floor = if self.floor { ", a floor" } else { "" };
        format!("{} = {} ({}{floor}): {}", self.name, self.value, self.layer, self.source)
    }
}

/// Where one value comes from.
#[derive(Debug, Clone, PartialEq)]
struct Origin {
    layer: String,
    source: String,
    /// The layer and source that made it a floor.
    floor: Option<String>,
}

/// The values that layers come to, each with its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The values.
    pub policy: Policy,
    origins: Vec<Origin>,
}

impl Resolved {
    /// Tells where a value comes from and why; `None` if there is none of that name.
    pub fn explain(&self, name: &str) -> Option<Explanation> {
        let (n, row) = row(name)?;
        let origin = &self.origins[n];
        Some(Explanation {
            name: row.name.to_owned(),
            value: (row.read)(&self.policy).to_string(),
            layer: origin.layer.clone(),
            source: origin.source.clone(),
            version: self.policy.version,
            floor: origin.floor.is_some(),
            stricter: row.stricter,
            floor_source: origin.floor.clone(),
        })
    }
}

/// Layers laid on each other.
pub(super) struct Stack {
    resolved: Resolved,
    /// What would have loosened a floor, and did not.
    pub(super) faults: Vec<Fault>,
}

impl Stack {
    /// Lays the layers that hold on each other: the library's legal floors, the pack's law, the
    /// library's defaults, company, station, peak.
    pub(super) fn of(layers: &[Layer], holds: impl Fn(&Scope) -> bool) -> Self {
        let policy = Policy::default();
        let origins = TABLE.iter().map(|row| Origin {
            layer: "library".to_owned(),
            source: row.source.to_owned(),
            floor: row.floor.then(|| format!("library: {}", row.source)),
        });
        let mut stack = Self {
            resolved: Resolved { origins: origins.collect(), policy: policy.clone() },
            faults: Vec::new(),
        };
        let mut layers: Vec<&Layer> = layers.iter().filter(|layer| holds(&layer.scope)).collect();
        layers.sort_by(|a, b| a.scope.cmp(&b.scope));
        let (pack_law, above): (Vec<&Layer>, _) =
            layers.into_iter().partition(|layer| layer.scope == Scope::Law);
        stack.lay(&LAW.layers);
        stack.lay(pack_law);
        stack.default_over_law(&policy);
        stack.lay(above);
        stack
    }

    pub(super) fn resolved(mut self, version: u32) -> Resolved {
        self.resolved.policy.version = version;
        self.resolved
    }

    fn lay<'a>(&mut self, layers: impl IntoIterator<Item = &'a Layer>) {
        for layer in layers {
            for setting in &layer.settings {
                self.set(&layer.scope, setting);
            }
        }
    }

    fn set(&mut self, scope: &Scope, setting: &Setting) {
        let Some((n, row)) = row(&setting.name) else { return };
        let origin = &mut self.resolved.origins[n];
        let old = (row.read)(&self.resolved.policy);
        if origin.floor.is_some() && row.stricter.loosens(&old, &setting.value) {
            let floor = old.to_string();
            let fault = Fault::new(scope.name(), row.name, Problem::Loosened { floor });
            return self.faults.push(fault);
        }
        if (row.write)(&mut self.resolved.policy, &setting.value) {
            let (layer, source) = (scope.name(), setting.source.clone());
            if setting.floor {
                origin.floor = Some(format!("{layer}: {source}"));
            }
            (origin.layer, origin.source) = (layer, source);
        }
    }

    /// The library's defaults lie over the law: the stricter of the two holds, of two sets both.
    fn default_over_law(&mut self, defaults: &Policy) {
        for (n, row) in TABLE.iter().enumerate() {
            let (law, default) = ((row.read)(&self.resolved.policy), (row.read)(defaults));
            let both = row.stricter.both(&law, &default);
            if both != law {
                (row.write)(&mut self.resolved.policy, &both);
                let origin = &mut self.resolved.origins[n];
                (origin.layer, origin.source) = ("library".to_owned(), row.source.to_owned());
            }
        }
    }
}

impl Pack {
    /// Resolves the layers for a station at a moment, UTC milliseconds. Depends on nothing else:
    /// the order of the layers in the file means nothing, and no layer loosens a floor.
    pub fn resolve(&self, station: &StationId, now_ms: i64) -> Resolved {
        let holds = |scope: &Scope| match scope {
            Scope::Law | Scope::Company => true,
            Scope::Station(id) => id == station,
            Scope::Peak(peak) => peak.is_on(now_ms),
        };
        Stack::of(&self.layers, holds).resolved(self.version)
    }

    /// The pack before a company gives one: version 1, the library's defaults over the law.
    pub fn built_in() -> Self {
        Self { version: 1, layers: Vec::new() }
    }
}

impl Policy {
    /// Resolves layers for a station at a moment, UTC milliseconds, as version `version`.
    pub fn resolve(version: u32, layers: &[Layer], station: &StationId, now_ms: i64) -> Self {
        Pack { version, layers: layers.to_vec() }.resolve(station, now_ms).policy
    }
}

/// A pack as a device keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Adopted {
    /// The pack's exact bytes, whose signature was checked.
    body: String,
    /// Since when it was here, UTC milliseconds by the hub's clock.
    since_ms: i64,
}

impl Adopted {
    /// Checks a pack that the hub offers: signature, faults, version, in this order.
    pub(crate) fn adopt(
        signed: &Signed,
        root_key: &str,
        in_force: u32,
        since_ms: i64,
    ) -> Result<Self, Unfit> {
        let body = signed.verified(Document::Policy, root_key)?;
        let pack = Pack::read(body)?;
        Unfit::if_older(pack.version, in_force)?;
        Ok(Self { body: body.to_owned(), since_ms })
    }

    /// Resolves what was adopted. A layer that a later release of the library refuses still
    /// loosens no floor.
    pub(crate) fn resolve(adopted: &[Self], station: &StationId) -> crate::Result<Policies> {
        let read = |one: &Self| Some((Pack::reread(&one.body)?, one.since_ms));
        let packs: Option<Vec<(Pack, i64)>> = adopted.iter().map(read).collect();
        let packs = packs.ok_or(crate::Error::Corrupt)?;
        Ok(Policies::new(packs.iter().map(|(pack, since_ms)| (pack, *since_ms)), station))
    }
}

/// Every pack a device has had, resolved for its station, so that each act and clock is judged by
/// the values that were in force when it began (C6.16, M83).
#[derive(Debug, Clone, PartialEq)]
pub struct Policies {
    eras: Vec<Era>,
}

/// The time in which one pack was the newest.
#[derive(Debug, Clone, PartialEq)]
struct Era {
    since_ms: i64,
    usual: Resolved,
    peaks: Vec<(Peak, Resolved)>,
}

impl Policies {
    /// Resolves packs for a station, each with the moment since when it was here, UTC
    /// milliseconds, the oldest first. Before the first the library's own holds.
    pub fn new<'a>(packs: impl IntoIterator<Item = (&'a Pack, i64)>, station: &StationId) -> Self {
        let mut eras = vec![Era::of(&Pack::built_in(), i64::MIN, station)];
        eras.extend(packs.into_iter().map(|(pack, since_ms)| Era::of(pack, since_ms, station)));
        Self { eras }
    }

    /// Returns the values that rules read at `now_ms`: the newest pack's, whatever a clock says of
    /// when it came.
    pub fn now(&self, now_ms: i64) -> &Resolved {
        // There is always the library's own.
        self.eras[self.eras.len() - 1].at(now_ms)
    }

    /// Returns the values by which a clock is judged that started at `ms`.
    pub fn at(&self, ms: i64) -> &Resolved {
        let era = self.eras.iter().rev().find(|era| era.since_ms <= ms);
        era.unwrap_or(&self.eras[0]).at(ms)
    }
}

impl Era {
    fn of(pack: &Pack, since_ms: i64, station: &StationId) -> Self {
        let resolve = |wanted: Option<&Peak>| {
            let holds = |scope: &Scope| match scope {
                Scope::Law | Scope::Company => true,
                Scope::Station(id) => id == station,
                Scope::Peak(peak) => Some(peak) == wanted,
            };
            Stack::of(&pack.layers, holds).resolved(pack.version)
        };
        let peaks = pack.layers.iter().filter_map(|layer| match &layer.scope {
            Scope::Peak(peak) => Some((peak.clone(), resolve(Some(peak)))),
            _ => None,
        });
        Self { since_ms, usual: resolve(None), peaks: peaks.collect() }
    }

    fn at(&self, ms: i64) -> &Resolved {
        let peak = self.peaks.iter().find(|(peak, _)| peak.is_on(ms));
        peak.map_or(&self.usual, |(_, resolved)| resolved)
    }
}

/// Returns the names of all values, in the order of the table.
pub fn value_names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.name)
}

/// Returns a value of a policy as JSON; `None` if there is none of that name.
pub fn value_of(policy: &Policy, name: &str) -> Option<Value> {
    row(name).map(|(_, row)| (row.read)(policy))
}
