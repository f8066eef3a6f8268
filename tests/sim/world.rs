//! One run: a broker, its clients, chance. A step does one small thing; everything that follows from it is checked at
//! once or when the reader gets there.

use std::sync::Arc;
use std::time::Duration;

use embus_engine::{Clock, Engine, LocalClient, Worker};
use embus_protocol::info::ServerInfo;
use fastrand::Rng;

use crate::client::{Client, Pace, Sending};
use crate::clock::{Flag, ManualClock};
use crate::driver::Driver;
use crate::local::Local;
use crate::model::{Model, PeerId, Rules};
use crate::scenario::Scenario;
use crate::socket::SimSocket;
use crate::trace::Trace;

mod checks;
mod ending;
mod local_ops;
mod serve;
mod wire_ops;

/// The whole of one run.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) rng: Rng,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Arc<Engine>,
    /// Turns borrow one of several workers, as on several threads: each has caches of its own.
    workers: Vec<Worker>,
    pub(crate) model: Model,
    pub(crate) clients: Vec<Client>,
    pub(crate) locals: Vec<Local>,
    pub(crate) trace: Trace,
    pub(crate) sabotage: Option<Sabotage>,
    last_peer: PeerId,
    last_message: u64,
    is_lame_duck: bool,
    kicked: Vec<PeerId>,
    /// Connections made, and those cut as slow consumers or as stale, for the broker's own counters.
    opened: u64,
    slow_consumers: u64,
    stale_connections: u64,
}

/// A fault put in on purpose: the checks must see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Some messages are lost on their way to the reader.
    Lose,
    /// Some arrive twice.
    Repeat,
    /// Some are overtaken by the next one.
    Swap,
}

const WORKERS: usize = 3;

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let scenario = Scenario::random(&mut rng);
        let clock = Arc::new(ManualClock::default());
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let engine = Engine::new(scenario.limits.clone(), ServerInfo::default(), shared, rng.u64(..));
        let workers = (0..WORKERS).map(|_| *engine.workers().take()).collect();
        let rules = Rules { max_subscriptions: scenario.limits.max_subscriptions };
        let mut world = Self {
            scenario,
            rng,
            clock,
            engine,
            workers,
            model: Model::new(rules),
            clients: Vec::new(),
            locals: Vec::new(),
            trace: Trace::default(),
            sabotage,
            last_peer: 0,
            last_message: 0,
            is_lame_duck: false,
            kicked: Vec::new(),
            opened: 0,
            slow_consumers: 0,
            stale_connections: 0,
        };
        (0..world.scenario.clients).for_each(|_| world.connect());
        (0..world.scenario.locals).for_each(|_| world.connect_local());
        world
    }

    /// The whole run; returns the hash of what happened.
    pub(crate) fn run(&mut self) -> u64 {
        for _ in 0..self.scenario.steps {
            self.step();
        }
        self.finish();
        self.trace.hash()
    }

    fn step(&mut self) {
        match self.rng.u32(..1000) {
            0..220 => self.client_op(),
            220..420 => self.transmit(),
            420..680 => self.serve_any(),
            680..850 => self.read_any(),
            850..910 => self.local_op(),
            910..960 => self.read_local(),
            960..985 => self.advance(),
            985..990 => self.pass_time(),
            990..992 => self.connect(),
            992..994 => self.leave(),
            994..999 => self.change_mood(),
            _ => self.rare_event(),
        }
        self.check_bounds();
    }

    fn next_peer(&mut self) -> PeerId {
        self.last_peer += 1;
        self.last_peer
    }

    /// A new wire client.
    fn connect(&mut self) {
        if self.clients.len() >= MAX_CLIENTS {
            return;
        }
        let peer = self.next_peer();
        let woken = Flag::raised();
        let traits = self.scenario.socket(&mut self.rng);
        let socket = SimSocket::new(traits, self.rng.fork(), Arc::clone(&self.clock), Arc::clone(&woken));
        let socket = Arc::new(socket);
        let driver = Driver::open(&self.engine, Arc::clone(&socket), woken);
        self.opened += 1;
        let open = self.clients.iter().filter(|client| client.is_open()).count();
        let is_allowed = open < self.scenario.limits.max_connections;
        assert_eq!(driver.session().end().is_none(), is_allowed, "{open} connections are open");
        let inbox = self.model.open_wire(peer, is_allowed);
        let mut client = Client::new(peer, inbox, socket, driver);
        if !is_allowed {
            client.sending = Sending::Finishing;
        }
        client.is_polite = self.rng.u8(..6) > 0;
        self.trace.note(format_args!("{peer} connects, {traits:?}"));
        self.clients.push(client);
    }

    fn connect_local(&mut self) {
        let peer = self.next_peer();
        self.model.open_local(peer);
        self.locals.push(Local::new(peer, LocalClient::connect(&self.engine)));
    }

    /// A client leaves: says so, breaks off in the middle of something, is gone, or its task is dropped.
    fn leave(&mut self) {
        let Some(index) = self.random_client() else { return };
        let client = &mut self.clients[index];
        if client.sending != Sending::Open {
            return;
        }
        match self.rng.u8(..4) {
            0 => client.sending = Sending::Finishing,
            1 => client.break_off(&mut self.rng),
            2 => self.vanish(index),
            _ => self.drop_driver(index),
        }
        let client = &self.clients[index];
        self.trace.note(format_args!("{} leaves: {:?}", client.peer, client.sending));
    }

    pub(crate) fn vanish(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.vanish();
        self.model.inbox(client.inbox).is_broken = true;
    }

    fn change_mood(&mut self) {
        let Some(index) = self.random_client() else { return };
        let client = &mut self.clients[index];
        client.pace = match self.rng.u8(..8) {
            0..3 => Pace::Prompt,
            3..6 => Pace::Slow,
            _ => Pace::Stalled,
        };
        self.trace.note(format_args!("{} reads {:?}", client.peer, client.pace));
    }

    fn rare_event(&mut self) {
        match self.rng.u8(..8) {
            0 if !self.is_lame_duck => {
                self.is_lame_duck = true;
                self.engine.enter_lame_duck();
                self.model.lame_duck();
                self.trace.note(format_args!("lame duck"));
                self.judge_cuts(None);
            }
            1..4 => {
                let Some(index) = self.random_client() else { return };
                self.clients[index].socket.fail_writes();
                self.trace.note(format_args!("writes to {} fail", self.clients[index].peer));
            }
            4..6 => self.kick(),
            _ => self.close_local(),
        }
    }

    pub(crate) fn random_client(&mut self) -> Option<usize> {
        (!self.clients.is_empty()).then(|| self.rng.usize(..self.clients.len()))
    }

    /// A little time passes.
    fn advance(&mut self) {
        let span = Duration::from_micros(self.rng.u64(..15_000));
        self.clock.advance(span);
    }

    /// Much time passes, once everybody who is well is up to date.
    fn pass_time(&mut self) {
        self.settle();
        self.check_counters();
        let span = Duration::from_millis(self.rng.u64(..5_000));
        self.clock.advance(span);
        self.trace.note(format_args!("{span:?} pass"));
        self.settle();
        self.check_dead_readers();
    }

    /// Runs everything that can run without time passing; slow and stalled readers stay as they are.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut is_busy = false;
            // Backwards, as who has read to the end is taken out.
            for index in (0..self.clients.len()).rev() {
                is_busy |= self.clients[index].transmit(usize::MAX);
                is_busy |= self.serve(index);
                if self.clients[index].pace == Pace::Prompt {
                    is_busy |= self.read(index, usize::MAX);
                }
            }
            for index in 0..self.locals.len() {
                is_busy |= self.read_all_local(index);
            }
            if !is_busy {
                return;
            }
            self.check_bounds();
        }
    }
}

/// Clients of one run at once, those among them that are closed and not yet read to the end.
const MAX_CLIENTS: usize = 14;
