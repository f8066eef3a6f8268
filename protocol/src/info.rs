//! INFO: what a broker says about itself, as JSON. [NATS client protocol: INFO]
//!
//! Field order, names and what is left out when empty are those of the reference server; the Rust names are those of
//! `async_nats::ServerInfo`.

use serde::{Deserialize, Serialize};

/// Everything that INFO carries on a client connection. Unknown fields are skipped, absent ones are their default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them as independent flags")]
pub struct ServerInfo {
    /// Public key of the server, `N…`, 56 characters. Clients require it.
    pub server_id: String,
    /// Configured name, or the id.
    pub server_name: String,
    /// Version that clients gate features on, such as `2.15.1`.
    pub version: String,
    /// 1: INFO may come at any time, and `echo` is understood.
    pub proto: i8,
    /// Commit the server was built from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub git_commit: String,
    /// Version of the toolchain the server was built with.
    pub go: String,
    /// Address the listener is bound to.
    pub host: String,
    /// Port the listener is bound to.
    pub port: u16,
    /// Headers are understood.
    pub headers: bool,
    /// A login is required.
    #[serde(skip_serializing_if = "is_false")]
    pub auth_required: bool,
    /// The client must start TLS.
    #[serde(skip_serializing_if = "is_false")]
    pub tls_required: bool,
    /// The client must show a certificate.
    #[serde(skip_serializing_if = "is_false")]
    pub tls_verify: bool,
    /// The client may start TLS.
    #[serde(skip_serializing_if = "is_false")]
    pub tls_available: bool,
    /// Largest message in bytes, header block included.
    pub max_payload: usize,
    /// `JetStream` is on.
    #[serde(skip_serializing_if = "is_false")]
    pub jetstream: bool,
    /// Advertised address, for routes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
    /// Number of this connection.
    #[serde(skip_serializing_if = "is_zero")]
    pub client_id: u64,
    /// Address of the client as the server sees it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_ip: String,
    /// What an nkey login signs: 15 characters of base64url.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub nonce: String,
    /// Name of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The cluster's name is not configured.
    #[serde(skip_serializing_if = "is_false")]
    pub cluster_dynamic: bool,
    /// `JetStream` domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Other addresses a client may use, `host:port`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connect_urls: Vec<String>,
    /// The same for WebSocket clients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ws_connect_urls: Vec<String>,
    /// The server is about to stop: go elsewhere.
    #[serde(rename = "ldm", skip_serializing_if = "is_false")]
    pub lame_duck_mode: bool,
    /// This INFO follows the first PONG and tells about the login.
    #[serde(skip_serializing_if = "is_false")]
    pub connect_info: bool,
    /// Account the client is bound to, in the INFO after the first PONG.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remote_account: String,
    /// That account is the system account.
    #[serde(skip_serializing_if = "is_false")]
    pub acc_is_sys: bool,
    /// Level of the `JetStream` API.
    #[serde(skip_serializing_if = "is_zero")]
    pub api_lvl: u64,
    /// Curve key of the server, `X…`, for auth callout.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub xkey: String,
}

/// The document is not an INFO: a broker closes without `-ERR` on it.
#[derive(Debug, thiserror::Error)]
#[error("invalid INFO: {0}")]
pub struct InfoError(#[from] serde_json::Error);

impl ServerInfo {
    /// Reads the JSON of an INFO line; `null` says nothing, as in nats-server.
    ///
    /// # Errors
    /// [`InfoError`] when the JSON does not parse or a known field has the wrong type.
    pub fn parse(json: &[u8]) -> Result<Self, InfoError> {
        // serde would take a list for a struct, too.
        if json.trim_ascii_start().starts_with(b"[") {
            return Err(InfoError(serde::de::Error::custom("a list is not an object")));
        }
        Ok(serde_json::from_slice::<Option<Self>>(json)?.unwrap_or_default())
    }
}

// serde hands over references.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::ServerInfo;

    #[test]
    fn empty_fields_are_left_out() {
        let json = serde_json::to_string(&ServerInfo::default()).expect("plain data");
        assert_eq!(
            json,
            r#"{"server_id":"","server_name":"","version":"","proto":0,"go":"","host":"","port":0,"headers":false,"max_payload":0}"#
        );
    }

    #[test]
    fn only_an_object_or_null_is_an_info() {
        assert!(ServerInfo::parse(b"{}").is_ok() && ServerInfo::parse(b"null").is_ok());
        assert!(ServerInfo::parse(b" []").is_err() && ServerInfo::parse(b"\"text\"").is_err());
    }

    #[test]
    fn round_trip_under_wire_names() {
        let info = ServerInfo {
            server_id: "N".into(),
            lame_duck_mode: true,
            api_lvl: 5,
            acc_is_sys: true,
            cluster: Some("c".into()),
            connect_urls: vec!["127.0.0.1:4222".into()],
            ..ServerInfo::default()
        };
        let json = serde_json::to_string(&info).expect("plain data");
        for part in [r#""ldm":true"#, r#""api_lvl":5"#, r#""acc_is_sys":true"#, r#""cluster":"c""#] {
            assert!(json.contains(part), "{part} in {json}");
        }
        assert_eq!(ServerInfo::parse(json.as_bytes()).expect("own words"), info);
    }

    #[test]
    fn unknown_fields_are_skipped() {
        let info = ServerInfo::parse(br#"{"server_id":"N","something":[1]}"#).expect("an INFO");
        assert_eq!(info.server_id, "N");
        assert_eq!(ServerInfo::parse(b"null").ok(), Some(ServerInfo::default()));
        assert!(ServerInfo::parse(b"xyz").is_err() && ServerInfo::parse(b"").is_err());
    }
}
