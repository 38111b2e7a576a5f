//! The pack as a file: layers of settings, each with its source; read with all faults at once.

use chrono::DateTime;
use serde_json::{Map, Value};

use super::Stack;
use super::values::{Stricter, row};
use crate::document::{Fault, Problem, Unfit};
use crate::id::StationId;

/// What the first field of a pack says.
pub const FORMAT: &str = "lastmile policy v1";

/// A policy pack: one version of a company's layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Raised at each change; named by every event decided under it.
    pub version: u32,
    /// The layers. Their order in the file means nothing.
    pub layers: Vec<Layer>,
}

/// One layer of a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Whose it is and when it holds.
    pub scope: Scope,
    /// Its settings.
    pub settings: Vec<Setting>,
}

/// Whose a layer is and when it holds. In this order layers lie on each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The law: everything in it is a floor.
    Law,
    /// The company.
    Company,
    /// One station.
    Station(StationId),
    /// A time of many parcels (M83).
    Peak(Peak),
}

/// A time of many parcels, such as a sale: switched by hand, or by the clock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peak {
    /// Its name.
    pub name: String,
    /// The switch: on, off, or left to the windows.
    pub on: Option<bool>,
    /// When it holds unless the switch says otherwise.
    pub windows: Vec<Window>,
}

/// From one moment up to, not including, another; UTC milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Its start.
    pub from_ms: i64,
    /// Its end.
    pub to_ms: i64,
}

/// One value of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What it is set to.
    pub value: Value,
    /// Why: the document, law or decision.
    pub source: String,
    /// Layers above may only tighten it.
    pub floor: bool,
}

impl Peak {
    /// Returns when it holds.
    fn windows_on(&self) -> Vec<Window> {
        match self.on {
            Some(true) => vec![Window { from_ms: i64::MIN, to_ms: i64::MAX }],
            Some(false) => Vec::new(),
            None => self.windows.clone(),
        }
    }

    /// Tells whether it holds at a moment, UTC milliseconds.
    pub fn is_on(&self, ms: i64) -> bool {
        self.windows_on().iter().any(|window| window.from_ms <= ms && ms < window.to_ms)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let others = other.windows_on();
        let meets = |a: &Window, b: &Window| a.from_ms < b.to_ms && b.from_ms < a.to_ms;
        self.windows_on().iter().any(|window| others.iter().any(|other| meets(window, other)))
    }
}

impl Scope {
    /// Returns the layer's name in faults and explanations, such as `station JL31`.
    pub fn name(&self) -> String {
        match self {
            Self::Law => "law".to_owned(),
            Self::Company => "company".to_owned(),
            Self::Station(station) => format!("station {station}"),
            Self::Peak(peak) => format!("peak {}", peak.name),
        }
    }
}

impl Pack {
    /// Reads a pack and checks it: types, sources, floors, peaks.
    ///
    /// # Errors
    /// `Faulty` with everything that is wrong, layer by layer.
    pub fn read(text: &str) -> Result<Self, Unfit> {
        let mut reader = Reader::default();
        let pack = reader.pack(text);
        Unfit::if_any(reader.faults)?;
        Unfit::if_any(pack.faults())?;
        Ok(pack)
    }

    /// Reads a pack that was checked when it was adopted; `None` if it is not one.
    pub fn reread(text: &str) -> Option<Self> {
        Some(Reader::default().pack(text)).filter(|pack| pack.version > 0)
    }

    /// Returns what each layer that names a value sets it to.
    pub fn settings<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Scope, &'a Value)> {
        let of = |layer: &'a Layer| layer.settings.iter().map(|setting| (&layer.scope, setting));
        let named = self.layers.iter().flat_map(of).filter(move |(_, set)| set.name == name);
        named.map(|(scope, set)| (scope, &set.value))
    }

    /// Returns what is wrong between the layers: layers that stand twice, peaks at the same time,
    /// floors that some layer would loosen wherever and whenever it holds.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |fault: Fault| {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        };
        for (n, layer) in self.layers.iter().enumerate() {
            let name = layer.scope.name();
            for earlier in &self.layers[..n] {
                if earlier.scope.name() == name {
                    fault(Fault::new(&name, "", Problem::Twice));
                } else if let (Scope::Peak(a), Scope::Peak(b)) = (&earlier.scope, &layer.scope)
                    && a.overlaps(b)
                {
                    let other = earlier.scope.name();
                    fault(Fault::new(&name, "windows", Problem::Overlaps { other }));
                }
            }
        }
        let of = |wanted: fn(&Scope) -> bool| {
            let found = self.layers.iter().filter(move |layer| wanted(&layer.scope));
            found.map(Some).chain([None]).collect::<Vec<_>>()
        };
        for station in of(|scope| matches!(scope, Scope::Station(_))) {
            for peak in of(|scope| matches!(scope, Scope::Peak(_))) {
                let holds = |scope: &Scope| match scope {
                    Scope::Law | Scope::Company => true,
                    scope => [station, peak].iter().flatten().any(|layer| &layer.scope == scope),
                };
                Stack::of(&self.layers, holds).faults.into_iter().for_each(&mut fault);
            }
        }
        faults
    }
}

/// Reads a pack and remembers everything that is wrong with it.
#[derive(Default)]
pub(super) struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn fault(&mut self, part: &str, name: &str, problem: Problem) {
        self.faults.push(Fault::new(part, name, problem));
    }

    fn wrong(&mut self, part: &str, name: &str, expected: &str) {
        self.fault(part, name, Problem::WrongType { expected: expected.to_owned() });
    }

    fn known(&mut self, part: &str, map: &Map<String, Value>, fields: &[&str]) {
        for name in map.keys().filter(|name| !fields.contains(&name.as_str())) {
            self.fault(part, name, Problem::Unknown);
        }
    }

    fn text(&mut self, part: &str, map: &Map<String, Value>, name: &str) -> String {
        match map.get(name).map(Value::as_str) {
            Some(Some(text)) if !text.trim().is_empty() => return text.trim().to_owned(),
            Some(None) => self.wrong(part, name, "a text"),
            Some(Some(_)) | None => self.fault(part, name, Problem::Missing),
        }
        String::new()
    }

    fn switch(&mut self, part: &str, map: &Map<String, Value>, name: &str) -> Option<bool> {
        let value = map.get(name)?;
        if value.as_bool().is_none() {
            self.wrong(part, name, "true or false");
        }
        value.as_bool()
    }

    fn list<'a>(&mut self, part: &str, map: &'a Map<String, Value>, name: &str) -> &'a [Value] {
        match map.get(name) {
            Some(Value::Array(list)) => return list,
            Some(_) => self.wrong(part, name, "a list"),
            None => self.fault(part, name, Problem::Missing),
        }
        &[]
    }

    pub(super) fn pack(&mut self, text: &str) -> Pack {
        let mut pack = Pack { version: 0, layers: Vec::new() };
        let Ok(Value::Object(map)) = serde_json::from_str(text) else {
            self.wrong("pack", "", "a JSON object");
            return pack;
        };
        self.known("pack", &map, &["format", "version", "layers"]);
        if map.get("format").and_then(Value::as_str) != Some(FORMAT) {
            self.wrong("pack", "format", FORMAT);
        }
        match map.get("version").and_then(Value::as_u64).map(u32::try_from) {
            Some(Ok(version)) if version > 0 => pack.version = version,
            _ => self.wrong("pack", "version", "a whole number from 1"),
        }
        for (n, value) in self.list("pack", &map, "layers").iter().enumerate() {
            if let Value::Object(map) = value {
                pack.layers.extend(self.layer(n, map));
            } else {
                self.wrong("pack", &format!("layers[{n}]"), "an object");
            }
        }
        pack
    }

    fn layer(&mut self, n: usize, map: &Map<String, Value>) -> Option<Layer> {
        let unnamed = format!("layers[{n}]");
        let (scope, fields): (_, &[&str]) = match map.get("layer").and_then(Value::as_str) {
            Some("law") => (Scope::Law, &["layer", "values"]),
            Some("company") => (Scope::Company, &["layer", "values"]),
            Some("station") => {
                let station = self.text(&unnamed, map, "station");
                if station.is_empty() {
                    return None;
                }
                let Ok(station) = StationId::new(station) else {
                    self.wrong(&unnamed, "station", "a station's id");
                    return None;
                };
                (Scope::Station(station), &["layer", "station", "values"])
            }
            Some("peak") => {
                (self.peak(&unnamed, map), &["layer", "name", "on", "windows", "values"])
            }
            _ => {
                self.wrong(&unnamed, "layer", "law, company, station or peak");
                return None;
            }
        };
        let part = scope.name();
        self.known(&part, map, fields);
        let mut settings: Vec<Setting> = Vec::new();
        for value in self.list(&part, map, "values") {
            let Some(setting) = self.setting(&part, &scope, value) else { continue };
            if settings.iter().any(|earlier| earlier.name == setting.name) {
                self.fault(&part, &setting.name, Problem::Twice);
            }
            settings.push(setting);
        }
        Some(Layer { scope, settings })
    }

    fn peak(&mut self, part: &str, map: &Map<String, Value>) -> Scope {
        let name = self.text(part, map, "name");
        let on = self.switch(part, map, "on");
        let part = format!("peak {name}");
        let mut windows = Vec::new();
        if map.contains_key("windows") {
            for window in self.list(&part, map, "windows") {
                let moment = |name: &str| {
                    let text = window.get(name).and_then(Value::as_str);
                    text.and_then(|text| DateTime::parse_from_rfc3339(text).ok())
                        .map(|time| time.timestamp_millis())
                };
                match (moment("from"), moment("to")) {
                    (Some(from_ms), Some(to_ms)) if from_ms < to_ms => {
                        windows.push(Window { from_ms, to_ms });
                    }
                    (Some(_), Some(_)) => self.fault(&part, "windows", Problem::WindowBackwards),
                    _ => self.wrong(
                        &part,
                        "windows",
                        "from and to, such as 2026-11-10T00:00:00+08:00",
                    ),
                }
            }
        } else if on.is_none() {
            self.fault(&part, "windows", Problem::Missing);
        }
        Scope::Peak(Peak { name, on, windows })
    }

    fn setting(&mut self, part: &str, scope: &Scope, value: &Value) -> Option<Setting> {
        let Value::Object(map) = value else {
            self.wrong(part, "values", "a list of objects");
            return None;
        };
        let name = self.text(part, map, "name");
        if name.is_empty() {
            return None;
        }
        for field in map
            .keys()
            .filter(|field| !["name", "value", "source", "floor"].contains(&field.as_str()))
        {
            self.fault(part, &format!("{name}.{field}"), Problem::Unknown);
        }
        if map.get("source").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
            self.fault(part, &format!("{name}.source"), Problem::Missing);
        }
        let floor = match map.get("floor") {
            None => false,
            Some(Value::Bool(floor)) => *floor,
            Some(_) => {
                self.wrong(part, &format!("{name}.floor"), "true or false");
                false
            }
        } || *scope == Scope::Law;
        let Some((_, row)) = row(&name) else {
            self.fault(part, &name, Problem::Unknown);
            return None;
        };
        if floor && row.stricter == Stricter::Neither {
            self.fault(part, &name, Problem::NoStricterSide);
        }
        let Some(value) = map.get("value") else {
            self.fault(part, &format!("{name}.value"), Problem::Missing);
            return None;
        };
        let mut canonical = super::Policy::default();
        if !(row.write)(&mut canonical, value) {
            self.wrong(part, &name, row.expected);
            return None;
        }
        let source = map.get("source").and_then(Value::as_str).unwrap_or_default();
        let (value, source) = ((row.read)(&canonical), source.trim().to_owned());
        Some(Setting { name, value, source, floor })
    }
}
