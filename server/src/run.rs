//! A server's life: files and log, start, the lines that tell it is ready, signals, end.

use std::{error::Error, io, path::Path, process::ExitCode, time::Duration};

use embus::Broker;
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::{debug, error, info, warn};

use crate::{
    broker, exit, file_limit, listen,
    log::{FATAL, Log},
    origin::Origin,
    pid_file,
    places::{PlaceError, Places},
    ports_file::PortsFile,
    program::Program,
    reload::Running,
    settings::Settings,
    signals::{Event, Events, Signals},
    tls::TlsFault,
};

/// Is a server until a signal or a failure ends it.
pub(crate) fn run(settings: Settings, origin: &Origin, program: &Program) -> ExitCode {
    let log = match Log::start(&settings.log_options()) {
        Ok(log) => log,
        Err(error) => return program.fail(&error),
    };
    let code = match serve(settings, origin, program, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error!(target: FATAL, "{failure}");
            exit::FAILURE
        }
    };
    log.flush();
    code
}

/// Why there is no server; the texts are those of nats-server where harnesses read them.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Could not write pidfile: open {path}: {error}")]
    PidFile { path: String, error: io::Error },
    #[error("Could not write ports file in {path}: {error}")]
    PortsFile { path: String, error: io::Error },
    #[error("Error listening on port: {address}, {reason:?}")]
    Listen { address: String, reason: String },
    #[error("{words}: {reason}")]
    ListenToo { words: &'static str, reason: String },
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("{0}")]
    Tls(String),
    #[error("Can't start monitoring: can't listen to the monitor port: {0}")]
    Monitor(String),
    #[error("Can't start JetStream: {0}")]
    Store(String),
    #[error("Can't start: {0}")]
    Other(#[source] Box<dyn Error>),
}

impl Failure {
    fn other(error: impl Error + 'static) -> Self {
        Self::Other(Box::new(error))
    }

    /// Settings that the broker cannot be told of.
    fn of_settings(error: Box<dyn Error + Send + Sync>) -> Self {
        if error.is::<TlsFault>() { Self::Tls(error.to_string()) } else { Self::Other(error) }
    }
}

fn serve(settings: Settings, origin: &Origin, program: &Program, log: &Log) -> Result<(), Failure> {
    file_limit::raise();
    let runtime = Builder::new_multi_thread().enable_all().build().map_err(Failure::other)?;
    let result = runtime.block_on(live(settings, origin, program, log));
    stop_runtime(runtime);
    result
}

/// Nothing of the broker runs any more; a lookup of a host name on the blocking pool may, and is not waited for.
fn stop_runtime(runtime: Runtime) {
    runtime.shutdown_background();
}

async fn live(settings: Settings, origin: &Origin, program: &Program, log: &Log) -> Result<(), Failure> {
    let mut events = Events::install().map_err(Failure::other)?;
    info!("Starting {}", crate::program::OWN_NAME);
    info!("  Version:  {} ({} {})", env!("CARGO_PKG_VERSION"), crate::program::NATS_NAME, embus::NATS_VERSION);
    if let Some(file) = origin.file() {
        info!("Using configuration file: {} ({})", file.display(), settings.digest);
    }
    debug!("  Threads:  {}", Handle::current().metrics().num_workers());
    let mut ports_file = prepare_files(&settings, program)?;
    let places = Places::of(&settings)?;
    let builder = events.hear_of(broker::builder(&settings, &places).map_err(Failure::of_settings)?);
    let broker = tokio::select! {
        broker = start(builder, &settings, &places) => broker?,
        // Looking up a host name may take long; whoever stops us meanwhile need not wait for it.
        () = until_stop(&mut events.signals, log) => return Ok(()),
    };
    tell(&broker, &places, &settings, ports_file.as_mut())?;
    watch(Running { broker: &broker, origin, log, settings }, &mut events).await;
    drop(ports_file);
    info!("Stopped");
    Ok(())
}

/// Before anything listens: a server whose caller cannot find it must not be there.
fn prepare_files(settings: &Settings, program: &Program) -> Result<Option<PortsFile>, Failure> {
    let text = |path: &Path| path.display().to_string();
    if let Some(path) = &settings.pid_file {
        pid_file::write(path).map_err(|error| Failure::PidFile { path: text(path), error })?;
    }
    let Some(directory) = &settings.ports_file_dir else { return Ok(None) };
    let begun = PortsFile::begin(directory, program.name());
    begun.map(Some).map_err(|error| Failure::PortsFile { path: text(directory), error })
}

async fn start(builder: embus::Builder, settings: &Settings, places: &Places) -> Result<Broker, Failure> {
    if settings.jetstream {
        info!("Starting JetStream");
        info!("  Store Directory: {:?}", broker::store_dir(settings).display().to_string());
        info!("  Sync:            {}", settings.sync);
    }
    builder.start().await.map_err(|error| failure(error, places))
}

fn failure(error: embus::StartError, places: &Places) -> Failure {
    match (&error, &places.monitor) {
        (embus::StartError::Listen { address, .. } | embus::StartError::Address { address, .. }, _) => {
            if let Some((words, place)) = places.failed(address) {
                return Failure::ListenToo { words, reason: listen::reason(place, &error) };
            }
            let address = &places.clients;
            Failure::Listen { address: address.to_string(), reason: listen::reason(address, &error) }
        }
        (embus::StartError::Tls(fault), _) => Failure::Tls(fault.to_string()),
        (embus::StartError::Monitor { .. }, Some(address)) => Failure::Monitor(listen::reason(address, &error)),
        (embus::StartError::Store(reason), _) => Failure::Store(reason.to_string()),
        _ => Failure::other(error),
    }
}

/// The lines and the file by which callers learn that the server is there, and where.
fn tell(
    broker: &Broker,
    places: &Places,
    settings: &Settings,
    ports_file: Option<&mut PortsFile>,
) -> Result<(), Failure> {
    let server = broker.server_info();
    info!("  Name:     {}", server.server_name);
    info!("  ID:       {}", server.server_id);
    let ports = places.tell(broker, settings);
    if let Some(file) = ports_file {
        let path = file.path().display().to_string();
        file.publish(&ports).map_err(|error| Failure::PortsFile { path, error })?;
    }
    info!("Server is ready");
    Ok(())
}

/// Follows signals until the broker has stopped.
async fn watch(mut running: Running<'_>, events: &mut Events) {
    let (broker, log) = (running.broker, running.log);
    match until_end(&mut running, events).await {
        End::Stop => {}
        End::LameDuck => {
            info!("Lame duck mode: no new clients, the present ones are asked to move");
            tokio::select! {
                () = async { broker.lame_duck().await; broker.stopped().await } => {}
                () = until_stop(&mut events.signals, log) => {}
            }
        }
    }
    info!("Shutting down");
    tokio::select! {
        () = broker.shutdown(SHUTDOWN_TIME) => {}
        () = until_stop(&mut events.signals, log) => warn!("Shutdown cut short"),
    }
}

enum End {
    Stop,
    LameDuck,
}

/// Waits for what ends the server, and carries out what does not.
async fn until_end(running: &mut Running<'_>, events: &mut Events) -> End {
    loop {
        match events.next().await {
            Event::Stop(name) => {
                info!("Received {name}");
                return End::Stop;
            }
            Event::LameDuck => return End::LameDuck,
            Event::ReopenLog => reopen(running.log),
            // The failure is in the log.
            Event::Reload => drop(running.reload().await),
            Event::ReloadRequest(request) => request.answer(running.reload().await),
        }
    }
}

/// Waits for a signal that ends the server at once.
async fn until_stop(signals: &mut Signals, log: &Log) {
    loop {
        match signals.next().await {
            Event::Stop(name) => return info!("Received {name}"),
            Event::ReopenLog => reopen(log),
            Event::Reload => error!("Failed to reload server configuration: the server starts or stops"),
            Event::LameDuck | Event::ReloadRequest(_) => {}
        }
    }
}

fn reopen(log: &Log) {
    if log.reopen() {
        info!("Log file opened again");
    } else {
        info!("There is no log file to open again");
    }
}

/// Time for clients to be told and connections to be closed; callers wait five seconds for a process to end.
const SHUTDOWN_TIME: Duration = Duration::from_secs(3);
