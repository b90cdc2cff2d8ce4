//! A JSON object from a provider: payload of a token, UserInfo, discovery document or key.
//!
//! Invariant: a member that is not read never decides. Each member is parsed on its own, so that a wrong type, a repeated name or a number
//! out of range makes only that member unreadable. No reader gets one of two values.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, value::RawValue};

/// Members of a JSON object.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Payload(BTreeMap<String, Result<Value, AmbiguousMember>>);

/// A member without a single value: its name is repeated, a name within its value is repeated, or its value can't be represented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmbiguousMember;

impl Payload {
    /// Parses an object. `None`: not a JSON object.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Value of a member; `null` counts as absent.
    pub fn get(&self, name: &str) -> Result<Option<&Value>, AmbiguousMember> {
        match self.0.get(name) {
            None | Some(Ok(Value::Null)) => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(AmbiguousMember)) => Err(AmbiguousMember),
        }
    }

    /// Value of a member that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).ok().flatten().and_then(Value::as_str)
    }

    /// Whether the member is present, with any value.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// All members, by name.
    pub fn members(&self) -> impl Iterator<Item = (&str, Result<&Value, AmbiguousMember>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_ref().map_err(|unreadable| *unreadable)))
    }
}

impl fmt::Debug for Payload {
    /// Leaves out the content, which may hold CPR numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(…)")
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(JsonMembers)
    }
}

struct JsonMembers;

impl<'de> Visitor<'de> for JsonMembers {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
            let value = if members.contains_key(&name) { Err(AmbiguousMember) } else { value(&raw) };
            members.insert(name, value);
        }
        Ok(Payload(members))
    }
}

fn value(raw: &RawValue) -> Result<Value, AmbiguousMember> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    Single.deserialize(&mut reader).map_err(|_| AmbiguousMember)
}

/// Parses a value in which no object repeats a name.
#[derive(Clone, Copy)]
struct Single;

impl<'de> DeserializeSeed<'de> for Single {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Single {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("repeated member"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_read_is_the_trouble_of_that_member_only() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let text = format!(
            r#"{{"a":1,"twice":"x","inner":{{"b":1,"b":2}},"list":[{{"c":1,"c":1}}],"huge":1e999,"lone":"\ud800","deep":{deep},"no":null,"twice":"x","z":"end"}}"#
        );
        let read = Payload::read(text.as_bytes()).expect("an object");
        assert_eq!((read.get("a"), read.text("z")), (Ok(Some(&Value::from(1))), Some("end")));
        for name in ["twice", "inner", "list", "huge", "lone", "deep"] {
            assert_eq!(read.get(name), Err(AmbiguousMember), "{name}");
            assert!(read.has(name), "{name}");
        }
        assert_eq!((read.get("no"), read.has("no"), read.get("gone"), read.has("gone")), (Ok(None), true, Ok(None), false));
    }

    #[test]
    fn only_an_object_is_read() {
        for text in ["", "[]", "1", "\"x\"", "null", "{", "{}x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "<html>"] {
            assert_eq!(Payload::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Payload::read(b" {} "), Some(Payload::default()));
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let read = Payload::read(br#"{"cpr":"0101901234"}"#).expect("an object");
        assert_eq!(format!("{read:?}"), "Payload(…)");
    }
}
