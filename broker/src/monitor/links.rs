//! `/routez`, `/leafz` and `/gatewayz`: links to other servers, of which there are none. The pages are those of a lone
//! nats-server.

use std::time::SystemTime;

use serde::Serialize;

use super::{Source, format};

/// `/routez`.
#[derive(Debug, Serialize)]
pub(super) struct Routez {
    server_id: String,
    server_name: String,
    now: String,
    num_routes: usize,
    routes: [(); 0],
}

/// `/leafz`.
#[derive(Debug, Serialize)]
pub(super) struct Leafz {
    server_id: String,
    now: String,
    leafnodes: usize,
    leafs: [(); 0],
}

/// `/gatewayz`.
#[derive(Debug, Serialize)]
pub(super) struct Gatewayz {
    server_id: String,
    now: String,
    outbound_gateways: Nothing,
    inbound_gateways: Nothing,
}

/// `{}`.
#[derive(Debug, Serialize)]
struct Nothing {}

pub(super) fn routes(source: &dyn Source) -> Routez {
    let info = source.facts().info;
    Routez { server_id: info.server_id, server_name: info.server_name, now: now(), num_routes: 0, routes: [] }
}

pub(super) fn leaf_nodes(source: &dyn Source) -> Leafz {
    Leafz { server_id: source.facts().info.server_id, now: now(), leafnodes: 0, leafs: [] }
}

pub(super) fn gateways(source: &dyn Source) -> Gatewayz {
    let server_id = source.facts().info.server_id;
    Gatewayz { server_id, now: now(), outbound_gateways: Nothing {}, inbound_gateways: Nothing {} }
}

fn now() -> String {
    format::timestamp(SystemTime::now())
}
