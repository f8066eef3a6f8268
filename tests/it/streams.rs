//! Other ways in than TCP: Unix sockets, in-memory pipes, and any byte stream.

use embus::Broker;
use embus::statistics::ConnectionKind;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::support::{Raw, STOP_DEADLINE, eventually, next, run, run_in_virtual_time, virtual_time};

#[test]
fn a_pipe_speaks_the_whole_protocol() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let mut reader = Raw::duplex(&broker).await.modern().await.subscribed("pipe.*").await;
        let mut writer = Raw::duplex(&broker).await.plain().await;
        writer.send("PUB pipe.1 reply 5\r\nhello\r\n").await;
        reader.expect("MSG pipe.1 1 reply 5\r\nhello\r\n").await;
        let kinds: Vec<_> = broker.connections().into_iter().map(|connection| connection.kind).collect();
        assert_eq!(kinds, [ConnectionKind::Stream, ConnectionKind::Stream]);
        assert!(broker.local_addr().is_none() && broker.client_url().is_none());
    });
}

#[test]
fn messages_larger_than_a_pipe_pass_through_it() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let mut reader = Raw::duplex(&broker).await.plain().await.subscribed("large").await;
        let mut writer = Raw::duplex(&broker).await.plain().await;
        let payload = "x".repeat(1024 * 1024);
        for _ in 0..3 {
            writer.send(format!("PUB large {}\r\n{payload}\r\n", payload.len())).await;
            assert_eq!(reader.line().await, format!("MSG large 1 {}\r\n", payload.len()));
            assert!(reader.line().await == format!("{payload}\r\n"), "the payload changed on its way");
        }
    });
}

#[test]
fn a_dropped_pipe_is_a_client_that_left() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let pipe = Raw::duplex(&broker).await.plain().await.subscribed("a").await;
        assert_eq!(broker.statistics().connections, 1);
        drop(pipe);
        eventually("the client is gone", || broker.statistics().connections == 0).await;
        assert_eq!(broker.statistics().subscriptions, 0);
    });
}

/// The program accepts connections itself and hands them in, as it would TLS sessions.
#[test]
fn any_stream_can_be_served() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let server = broker.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                server.serve(stream);
            }
        });
        let (publisher, client) = (async_nats::connect(&url).await.unwrap(), async_nats::connect(&url).await.unwrap());
        let mut subscriber = client.subscribe("by.hand").await.unwrap();
        broker.wait_for_interest("by.hand").await;
        for size in [1, 500_000] {
            publisher.publish("by.hand", vec![b'x'; size].into()).await.unwrap();
            assert_eq!(next(&mut subscriber).await.payload.len(), size);
        }
    });
}

#[test]
fn a_stopped_broker_serves_no_more_streams() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;
        assert_eq!(Raw::over(broker.duplex()).rest().await, "");
    });
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::FileTypeExt;

    use embus::StartError;
    use tokio::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_unix_socket_serves_and_goes_with_the_broker() {
        run(async {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("embus.sock");
            let broker = Broker::builder().listen_unix(&path).start().await.unwrap();
            let mut subscriber = broker.client().subscribe("unix").await.unwrap();
            let mut raw = Raw::greeted(UnixStream::connect(&path).await.unwrap()).await.plain().await;
            raw.send("SUB back 1\r\nPUB unix back 5\r\nhello\r\n").await;
            let message = next(&mut subscriber).await;
            broker.client().publish(message.reply.unwrap(), "hi".into()).await.unwrap();
            raw.expect("MSG back 1 2\r\nhi\r\n").await;
            assert!(broker.connections().iter().any(|connection| connection.kind == ConnectionKind::Unix));

            broker.shutdown(STOP_DEADLINE).await;
            assert_eq!(raw.rest().await, "");
            assert!(!path.exists());
        });
    }

    #[test]
    fn a_dead_socket_is_replaced_and_any_other_file_is_not() {
        run(async {
            let directory = tempfile::tempdir().unwrap();
            let (dead, file) = (directory.path().join("dead.sock"), directory.path().join("file"));
            drop(UnixListener::bind(&dead).unwrap());
            assert!(std::fs::symlink_metadata(&dead).unwrap().file_type().is_socket());
            let broker = Broker::builder().listen_unix(&dead).start().await.unwrap();
            Raw::greeted(UnixStream::connect(&dead).await.unwrap()).await;

            // Not that of a broker that runs, nor what is no socket at all.
            let error = Broker::builder().listen_unix(&dead).start().await.unwrap_err();
            assert!(matches!(error, StartError::Listen { .. }), "{error}");
            Raw::greeted(UnixStream::connect(&dead).await.unwrap()).await;
            std::fs::write(&file, "precious").unwrap();
            let error = Broker::builder().listen_unix(&file).start().await.unwrap_err();
            assert!(matches!(error, StartError::Listen { .. }), "{error}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
            broker.shutdown(STOP_DEADLINE).await;
        });
    }

    #[test]
    fn a_client_that_leaves_a_unix_socket_is_forgotten() {
        run(async {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("embus.sock");
            let broker = Broker::builder().listen_unix(&path).start().await.unwrap();
            let mut stream = UnixStream::connect(&path).await.unwrap();
            stream.write_all(b"SUB a 1\r\n").await.unwrap();
            broker.wait_for_interest("a").await;
            drop(stream);
            eventually("the client is gone", || broker.statistics().connections == 0).await;
        });
    }
}
