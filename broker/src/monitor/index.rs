//! The page at `/`: links for people who opened the port in a browser.

/// The index as HTML.
pub(super) fn page(version: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>embus monitoring</title></head>\n<body>\n\
         <h1>embus</h1>\n<p>speaks the protocol of nats-server {version}</p>\n<ul>\n\
         <li><a href=\"./varz\">General</a> /varz</li>\n\
         <li><a href=\"./connz\">Connections</a> /connz</li>\n\
         <li><a href=\"./subsz\">Subscriptions</a> /subsz</li>\n\
         <li><a href=\"./jsz\">Streams</a> /jsz</li>\n\
         <li><a href=\"./routez\">Routes</a> /routez</li>\n\
         <li><a href=\"./leafz\">Leaf nodes</a> /leafz</li>\n\
         <li><a href=\"./gatewayz\">Gateways</a> /gatewayz</li>\n\
         <li><a href=\"./accountz\">Accounts</a> /accountz</li>\n\
         <li><a href=\"./accstatz\">Account statistics</a> /accstatz</li>\n\
         <li><a href=\"./metrics\">Numbers for Prometheus</a> /metrics</li>\n\
         <li><a href=\"./healthz\">Health</a> /healthz</li>\n\
         </ul>\n</body>\n</html>\n"
    )
}
