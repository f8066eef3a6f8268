//! Values into fields, with Go's texts for the wrong type. [Go encoding/json]

use std::collections::BTreeMap;

use litemap::LiteMap;

use super::quote::quote;
use super::value::{Kind, Value};

/// What can be read from a value. Reading changes what is there, as Go does: `null` leaves it alone, a struct is merged.
pub(crate) trait FromJson {
    /// What Go's texts call the type, such as `[]string`.
    fn go_type() -> String;
    /// Takes the value.
    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal>;
}

/// A struct whose fields have names; implement it with [`fields!`].
pub(crate) trait Record: Default {
    /// What Go's texts call the type, such as `server.JSApiMsgGetRequest`.
    const GO_TYPE: &'static str;
    /// Reads the field of this name (in lower case), or `None` if there is no such field.
    fn field(&mut self, name: &str, value: Value<'_>) -> Option<Result<(), Refusal>>;
}

/// Why a request is not what it should be.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The whole text.
    Text(String),
    /// A value of the wrong type.
    Type {
        /// What it is, such as `string` or `number 5.5`.
        found: String,
        /// What Go calls what was expected.
        wanted: String,
        /// Where it stands, innermost first.
        path: Vec<String>,
        /// Whether the innermost step is an array's index.
        in_array: bool,
    },
}

impl Refusal {
    /// Go's text; `root` is what it calls the type of the request.
    pub(crate) fn text(self, root: &str) -> String {
        let (found, wanted, path, in_array) = match self {
            Self::Text(text) => return text,
            Self::Type { found, wanted, path, in_array } => (found, wanted, path, in_array),
        };
        if path.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {wanted}");
        }
        let mut place = root.strip_prefix("server.").unwrap_or(root).to_owned();
        for step in path.iter().rev() {
            place.push('.');
            place.push_str(step);
        }
        let what = if in_array { "" } else { "Go struct field " };
        format!("json: cannot unmarshal {found} into {what}{place} of type {wanted}")
    }

    /// The same, one level further out.
    fn within(mut self, step: impl FnOnce() -> String, is_index: bool) -> Self {
        if let Self::Type { path, in_array, .. } = &mut self {
            *in_array |= path.is_empty() && is_index;
            path.push(step());
        }
        self
    }
}

/// `value` is no `wanted`.
pub(crate) fn type_refusal(value: Value<'_>, wanted: String) -> Refusal {
    let found = match value.kind() {
        Kind::Null => "null",
        Kind::Bool => "bool",
        Kind::Number => "number",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    };
    Refusal::Type { found: found.to_owned(), wanted, path: Vec::new(), in_array: false }
}

/// Reads an object into a struct.
pub(crate) fn read_record<T: Record>(record: &mut T, value: Value<'_>) -> Result<(), Refusal> {
    match value.kind() {
        Kind::Null => return Ok(()),
        Kind::Object => {}
        _ => return Err(type_refusal(value, T::GO_TYPE.to_owned())),
    }
    for (name, member) in value.members() {
        let folded = fold(&name);
        match record.field(&folded, member) {
            Some(read) => read.map_err(|refusal| refusal.within(|| folded, false))?,
            None if value.is_strict() => {
                return Err(Refusal::Text(format!("json: unknown field {}", quote(name.as_bytes()))));
            }
            None => {}
        }
    }
    Ok(())
}

/// Lower case, with the two letters outside ASCII that fold into it.
fn fold(name: &str) -> String {
    let fold_one = |character: char| match character {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(fold_one).collect()
}

/// Names the fields of a struct for [`decode`](super::decode): see [the module](super).
macro_rules! fields {
    ($record:ty, $go_type:literal, { $($name:literal => $($field:ident).+ $(via $read:path)?),+ $(,)? }) => {
        impl $crate::api::json::Record for $record {
            const GO_TYPE: &'static str = $go_type;
            fn field(
                &mut self,
                name: &str,
                value: $crate::api::json::Value<'_>,
            ) -> Option<Result<(), $crate::api::json::Refusal>> {
                Some(match name {
                    $($name => $crate::api::json::fields!(@read self.$($field).+, value $(, $read)?),)+
                    _ => return None,
                })
            }
        }
        impl $crate::api::json::FromJson for $record {
            fn go_type() -> String {
                $go_type.to_owned()
            }
            fn read(&mut self, value: $crate::api::json::Value<'_>) -> Result<(), $crate::api::json::Refusal> {
                $crate::api::json::read_record(self, value)
            }
        }
    };
    (@read $place:expr, $value:expr) => { $crate::api::json::FromJson::read(&mut $place, $value) };
    (@read $place:expr, $value:expr, $read:path) => { $read(&mut $place, $value) };
}
pub(crate) use fields;

/// Go's `int`, where an `i64` alone is its `int64`.
pub(crate) fn int(place: &mut i64, value: Value<'_>) -> Result<(), Refusal> {
    number(place, value, "int")
}

/// A whole number that fits, named `go_type` if not.
pub(crate) fn number<T: std::str::FromStr>(place: &mut T, value: Value<'_>, go_type: &str) -> Result<(), Refusal> {
    if value.is_null() {
        return Ok(());
    }
    let mut refusal = type_refusal(value, go_type.to_owned());
    if value.kind() == Kind::Number {
        let text = String::from_utf8_lossy(value.raw());
        if let Ok(number) = text.parse() {
            *place = number;
            return Ok(());
        }
        if let Refusal::Type { found, .. } = &mut refusal {
            *found = format!("number {text}");
        }
    }
    Err(refusal)
}

macro_rules! numbers {
    ($($number:ty => $go_type:literal),+) => {
        $(impl FromJson for $number {
            fn go_type() -> String {
                $go_type.to_owned()
            }
            fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
                number(self, value, $go_type)
            }
        })+
    };
}
numbers!(i32 => "int32", i64 => "int64", u64 => "uint64");

impl FromJson for bool {
    fn go_type() -> String {
        "bool".to_owned()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        match value.kind() {
            Kind::Null => {}
            Kind::Bool => *self = value.raw() == b"true",
            _ => return Err(type_refusal(value, Self::go_type())),
        }
        Ok(())
    }
}

impl FromJson for String {
    fn go_type() -> String {
        "string".to_owned()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        match value.kind() {
            Kind::Null => {}
            Kind::String => *self = value.text().into_owned(),
            _ => return Err(type_refusal(value, Self::go_type())),
        }
        Ok(())
    }
}

impl<T: FromJson + Default> FromJson for Option<T> {
    fn go_type() -> String {
        T::go_type()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        if value.is_null() {
            *self = None;
            return Ok(());
        }
        self.get_or_insert_default().read(value)
    }
}

impl<T: FromJson + Default> FromJson for Vec<T> {
    fn go_type() -> String {
        format!("[]{}", T::go_type())
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        read_items(self, value, Self::go_type)
    }
}

/// An array into a list; elements that are there already are read over, as Go does.
pub(crate) fn read_items<T: FromJson + Default>(
    items: &mut Vec<T>,
    value: Value<'_>,
    go_type: impl FnOnce() -> String,
) -> Result<(), Refusal> {
    match value.kind() {
        Kind::Null => items.clear(),
        Kind::Array => {
            let mut count = 0;
            for item in value.items() {
                if count == items.len() {
                    items.push(T::default());
                }
                items[count].read(item).map_err(|refusal| refusal.within(|| count.to_string(), true))?;
                count += 1;
            }
            items.truncate(count);
        }
        _ => return Err(type_refusal(value, go_type())),
    }
    Ok(())
}

impl<T: FromJson> FromJson for Box<T> {
    fn go_type() -> String {
        T::go_type()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        T::read(self, value)
    }
}

impl FromJson for LiteMap<String, String> {
    fn go_type() -> String {
        "map[string]string".to_owned()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        match value.kind() {
            Kind::Null => self.clear(),
            Kind::Object => {
                // Many keys in an order that is none would be moved about for each of them.
                let mut map: BTreeMap<_, _> = std::mem::take(self).into_iter().collect();
                for (key, member) in value.members() {
                    let mut text = String::new();
                    let step = || key.replace('~', "~0").replace('/', "~1");
                    text.read(member).map_err(|refusal| refusal.within(step, false))?;
                    map.insert(key.into_owned(), text);
                }
                *self = map.into_iter().collect();
            }
            _ => return Err(type_refusal(value, Self::go_type())),
        }
        Ok(())
    }
}
