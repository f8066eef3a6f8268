//! CONNECT: what a client says about itself, as JSON. [NATS client protocol: CONNECT]
//!
//! Parsing is as tolerant as the reference server: names match in any case, unknown fields and nulls are skipped, and
//! what a document leaves out keeps the value it had. A field of the wrong type is an error, and a broker closes then
//! without a word.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::secret::Secret;

/// What a client asked for. A connection starts with the [`Default`], and each CONNECT changes what it names.
///
/// ```
/// use embus_protocol::connect::ConnectOptions;
/// let options = ConnectOptions::parse(br#"{"verbose":false,"name":"meter","headers":true}"#).unwrap();
/// assert!(!options.verbose && options.echo && options.headers);
/// assert_eq!(options.name, "meter");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them as independent flags")]
pub struct ConnectOptions {
    /// Answer each accepted operation with `+OK`. True until a CONNECT says otherwise.
    pub verbose: bool,
    /// Check publish subjects. True until a CONNECT says otherwise.
    pub pedantic: bool,
    /// The client wishes for TLS; a broker ignores it.
    pub tls_required: bool,
    /// Token of a token login.
    pub auth_token: Secret,
    /// User name of a password login.
    pub user: String,
    /// Password of a password login.
    pub pass: Secret,
    /// Name of the connection, for people.
    pub name: String,
    /// Language of the client library.
    pub lang: String,
    /// Version of the client library.
    pub version: String,
    /// 0, or 1 for a client that understands INFO at any time. Other numbers are refused by the session.
    pub protocol: i64,
    /// Deliver the client's own messages to its subscriptions. True until a CONNECT says otherwise.
    pub echo: bool,
    /// User JWT of an operator-mode login.
    pub jwt: Secret,
    /// Public nkey of the user.
    pub nkey: Secret,
    /// Signature over the nonce of INFO, in base64url.
    pub sig: Secret,
    /// The client understands headers.
    pub headers: bool,
    /// The client wants a 503 status when nobody takes its request; needs `headers`.
    pub no_responders: bool,
    /// An account by name: always refused. [nats-server: CVE-2022-24450]
    pub account: String,
    /// A new account on the fly: always refused. [nats-server: CVE-2022-24450]
    pub new_account: bool,
    /// Signature of a trusted proxy over the nonce.
    pub proxy_sig: Secret,
}

/// The document is not a CONNECT: close without `-ERR`.
#[derive(Debug, thiserror::Error)]
#[error("invalid CONNECT: {0}")]
pub struct ConnectError(#[from] serde_json::Error);

impl ConnectOptions {
    /// A first CONNECT.
    ///
    /// # Errors
    /// [`ConnectError`] when the JSON does not parse or a known field has the wrong type.
    pub fn parse(json: &[u8]) -> Result<Self, ConnectError> {
        let mut options = Self::default();
        options.merge(json)?;
        Ok(options)
    }

    /// A further CONNECT on the same connection: fields that it leaves out keep their value.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); the options may then be half changed.
    pub fn merge(&mut self, json: &[u8]) -> Result<(), ConnectError> {
        // [nats-server: bytes that are not UTF-8 become U+FFFD]
        let text = String::from_utf8_lossy(json);
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        Merge(self).deserialize(&mut deserializer)?;
        Ok(deserializer.end()?)
    }

    /// Takes the value of one field, or skips it.
    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, map: &mut A) -> Result<(), A::Error> {
        match field {
            "verbose" => assign(&mut self.verbose, map),
            "pedantic" => assign(&mut self.pedantic, map),
            "tls_required" => assign(&mut self.tls_required, map),
            "auth_token" => assign(&mut self.auth_token, map),
            "user" => assign(&mut self.user, map),
            "pass" => assign(&mut self.pass, map),
            "name" => assign(&mut self.name, map),
            "lang" => assign(&mut self.lang, map),
            "version" => assign(&mut self.version, map),
            "protocol" => assign(&mut self.protocol, map),
            "echo" => assign(&mut self.echo, map),
            "jwt" => assign(&mut self.jwt, map),
            "nkey" => assign(&mut self.nkey, map),
            "sig" => assign(&mut self.sig, map),
            "headers" => assign(&mut self.headers, map),
            "no_responders" => assign(&mut self.no_responders, map),
            "account" => assign(&mut self.account, map),
            "new_account" => assign(&mut self.new_account, map),
            "proxy_sig" => assign(&mut self.proxy_sig, map),
            _ => map.next_value::<IgnoredAny>().map(drop),
        }
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            verbose: true,
            pedantic: true,
            echo: true,
            tls_required: false,
            headers: false,
            no_responders: false,
            new_account: false,
            protocol: 0,
            user: String::new(),
            name: String::new(),
            lang: String::new(),
            version: String::new(),
            account: String::new(),
            auth_token: Secret::default(),
            pass: Secret::default(),
            jwt: Secret::default(),
            nkey: Secret::default(),
            sig: Secret::default(),
            proxy_sig: Secret::default(),
        }
    }
}

/// Null leaves a field as it is.
fn assign<'de, T: Deserialize<'de>, A: MapAccess<'de>>(slot: &mut T, map: &mut A) -> Result<(), A::Error> {
    if let Some(value) = map.next_value::<Option<T>>()? {
        *slot = value;
    }
    Ok(())
}

/// Reads a JSON object into existing options.
struct Merge<'o>(&'o mut ConnectOptions);

impl<'de> DeserializeSeed<'de> for Merge<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Merge<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(mut field) = map.next_key::<Cow<'de, str>>()? {
            if field.bytes().any(|byte| byte.is_ascii_uppercase()) {
                field = Cow::Owned(field.to_ascii_lowercase());
            }
            self.0.take(&field, &mut map)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::ConnectOptions;

    /// What `json` makes of the defaults; none when it is refused.
    fn parse(json: &str) -> Option<ConnectOptions> {
        ConnectOptions::parse(json.as_bytes()).ok()
    }

    #[test]
    fn absent_and_null_keep_the_defaults() {
        for json in ["{}", "null", r#"{"verbose":null,"pedantic":null,"echo":null,"name":null}"#, r#"{"x":[1,{}]}"#] {
            assert_eq!(parse(json), Some(ConnectOptions::default()), "{json}");
        }
    }

    #[test]
    fn names_match_in_any_case_and_the_last_wins() {
        let options = parse(r#"{"VERBOSE":false,"Echo":true,"echo":false}"#).expect("a CONNECT");
        assert!(!options.verbose && !options.echo && options.pedantic);
    }

    #[test]
    fn a_second_connect_keeps_what_it_does_not_name() {
        let mut options = parse(r#"{"verbose":false,"name":"a"}"#).expect("a CONNECT");
        options.merge(br#"{"name":"b","verbose":null}"#).expect("a CONNECT");
        assert!(!options.verbose);
        assert_eq!(options.name, "b");
    }

    // Each of these was seen to close on nats-server 2.15.1.
    #[test]
    fn wrong_types_are_refused() {
        let documents = [
            "",
            "[]",
            "1",
            "\"x\"",
            "{} x",
            "{\"x\":1,}",
            r#"{"verbose":"x"}"#,
            r#"{"verbose":1}"#,
            r#"{"protocol":1.0}"#,
            r#"{"protocol":1e0}"#,
            r#"{"protocol":"1"}"#,
            r#"{"protocol":99999999999999999999}"#,
            r#"{"name":5}"#,
            r#"{"new_account":"A"}"#,
            r#"{"headers":"a"}"#,
            r#"{"tls_required":5}"#,
            r#"{"jwt":1}"#,
            r#"{"lang":["a"]}"#,
            r#"{"proxy_sig":1}"#,
            "{\"x\":\"\u{1}\"}",
            "{\"name\":\"a\nb\"}",
        ];
        for json in documents {
            assert_eq!(parse(json), None, "{json}");
        }
    }

    // Each of these was seen to be accepted by nats-server 2.15.1.
    #[test]
    fn odd_documents_are_accepted() {
        for json in [r#"{"protocol":-1}"#, r#"{"x":1e999}"#, r#"{"ssl_required":5}"#, r#"{"account":""}"#] {
            assert!(parse(json).is_some(), "{json}");
        }
        let options = ConnectOptions::parse(b"{\"name\":\"\xff\"}").expect("a CONNECT");
        assert_eq!(options.name, "\u{fffd}");
    }

    #[test]
    fn debug_hides_secrets() {
        let json = r#"{"pass":"hush","auth_token":"hush","jwt":"hush","sig":"hush","nkey":"hush","proxy_sig":"hush"}"#;
        let options = parse(json).expect("a CONNECT");
        assert_eq!(options.pass.expose(), "hush");
        assert!(!format!("{options:?}").contains("hush"));
    }
}
