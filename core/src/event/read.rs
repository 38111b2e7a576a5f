//! Reads a line in one pass: what is not the envelope's is taken out on the way to it.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer as _, MapAccess, Visitor,
};
use serde_json::value::RawValue;

use super::Envelope;

/// A line's parts.
pub(super) struct ReadLine<'a> {
    pub(super) kind: Cow<'a, str>,
    pub(super) v: u16,
    pub(super) envelope: Envelope,
    pub(super) data: &'a RawValue,
}

impl<'de> Deserialize<'de> for ReadLine<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(LineVisitor)
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = ReadLine<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields { map, kind: None, v: None, data: None };
        let envelope = Envelope::deserialize(MapAccessDeserializer::new(&mut fields))?;
        let Fields { kind, v, data, .. } = fields;
        Ok(ReadLine {
            kind: kind.ok_or_else(|| A::Error::missing_field("kind"))?.0,
            v: v.ok_or_else(|| A::Error::missing_field("v"))?,
            envelope,
            data: data.ok_or_else(|| A::Error::missing_field("data"))?,
        })
    }
}

/// Text that is borrowed from the line where it can be.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The fields of a line; those that are not the envelope's stay here.
struct Fields<'de, A> {
    map: A,
    kind: Option<Text<'de>>,
    v: Option<u16>,
    data: Option<&'de RawValue>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(Text(key)) = self.map.next_key()? {
            let again = match &*key {
                "kind" => self.kind.replace(self.map.next_value()?).map(|_| "kind"),
                "v" => self.v.replace(self.map.next_value()?).map(|_| "v"),
                "data" => self.data.replace(self.map.next_value()?).map(|_| "data"),
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
            };
            if let Some(field) = again {
                return Err(A::Error::duplicate_field(field));
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{Event, LineError};

    const LINE: [(&str, &str); 9] = [
        ("kind", r#""ParcelAr\u0072ived""#),
        ("v", "1"),
        ("id", r#""01a0c450-6c00-7d14-8f33-8d27c3ad51b9""#),
        ("lane", r#""parcel:YT0000000000001""#),
        ("dev", r#""01a0c450-6c00-7aed-a91a-073b0b6e00c6""#),
        ("by", r#""courier:4849""#),
        ("at", r#"{"ms":1790000000000,"off":480}"#),
        ("policy", "1"),
        ("data", "{}"),
    ];

    fn parse(fields: &[(&str, &str)]) -> Result<Event, LineError> {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        Event::parse(format!("{{{}}}", fields.join(",")).as_bytes())
    }

    #[test]
    fn the_fields_stand_in_any_order() {
        let event = parse(&LINE).unwrap();
        assert_eq!(event.fact.kind(), "ParcelArrived");
        for n in 0..LINE.len() {
            let mut line = LINE;
            line.rotate_left(n);
            assert_eq!(parse(&line).unwrap(), event);
        }
        assert_eq!(parse(&[LINE.as_slice(), &[("later", "[1]")]].concat()).unwrap(), event);
    }

    #[test]
    fn a_line_without_a_field_or_with_one_twice_is_no_event() {
        for n in 0..LINE.len() {
            let without = [&LINE[..n], &LINE[n + 1..]].concat();
            assert_eq!(parse(&without), Err(LineError::Unparseable), "{without:?}");
            let twice = [LINE.as_slice(), &LINE[n..=n]].concat();
            assert_eq!(parse(&twice), Err(LineError::Unparseable), "{twice:?}");
        }
    }
}
