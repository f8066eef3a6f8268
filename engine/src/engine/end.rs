//! How a broker ends: clients are told to go elsewhere, or cut.

use embus_protocol::encode;
use embus_protocol::info::ServerInfo;

use super::Engine;
use crate::close::CloseReason;
use crate::connection::ClientId;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

impl Engine {
    /// Tells all clients that the broker will stop, so that they go elsewhere. [nats-server: lame duck]
    pub fn enter_lame_duck(self: &Arc<Self>) {
        if self.lame_duck.swap(true, Ordering::Relaxed) {
            return;
        }
        self.info.lock().lame_duck_mode = true;
        self.tell_end("LAMEDUCK");
        for connection in self.registry.connections() {
            self.post_info(&connection);
        }
    }

    /// Asks one client over the network to go elsewhere, if it understands that; says whether there is one of this number.
    /// [nats-server: `LDM`]
    pub fn send_elsewhere(&self, id: ClientId) -> bool {
        let Some(connection) = self.registry.get(id) else { return false };
        let Some(outbox) = connection.outbox() else { return false };
        if connection.understands_async_info() {
            let mut line = Vec::new();
            let info = ServerInfo { lame_duck_mode: true, ..self.info_for(&connection) };
            encode::info(&mut line, &info);
            outbox.post(&line);
        }
        true
    }

    /// Whether clients were told that the broker will stop.
    pub fn is_lame_duck(&self) -> bool {
        self.lame_duck.load(Ordering::Relaxed)
    }

    /// Tells all connections to end once what waits for them is sent.
    pub fn stop(self: &Arc<Self>) {
        self.tell_end("SHUTDOWN");
        self.stopping.store(true, Ordering::Release);
        for connection in self.registry.connections() {
            if let Some(outbox) = connection.outbox() {
                outbox.wake_owner();
            }
        }
    }

    /// Whether the broker ends.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Closes all connections at once; what waits for them is lost.
    pub fn close_all(&self) {
        for connection in self.registry.connections() {
            if let Some(outbox) = connection.outbox() {
                outbox.close(CloseReason::ServerShutdown);
            }
        }
    }
}
