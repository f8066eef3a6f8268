//! The spellings that scripts and harnesses use.

use embus_conf::{Config, JetStream, LameDuck, Limits};

use super::*;
use crate::{log::Daemon, login::Login, settings::Settings};

fn parse_words(words: &str) -> Result<Command, UsageError> {
    parse(words.split_whitespace().map(OsString::from))
}

#[track_caller]
fn settings_of(words: &str) -> Settings {
    match parse_words(words) {
        Ok(Command::Serve(flags)) => Settings::new(*flags, Config::default()).unwrap(),
        other => panic!("{words}: {other:?}"),
    }
}

#[track_caller]
fn check_error(words: &str, message: &str) {
    match parse_words(words) {
        Err(error) => assert_eq!(error.to_string(), message),
        Ok(command) => panic!("{words}: {command:?}"),
    }
}

#[test]
fn nothing_given_is_the_default_server() {
    let expected = Settings {
        transports: crate::transports::Transports::default(),
        host: "0.0.0.0".into(),
        port: 0,
        monitor_host: "0.0.0.0".into(),
        monitor_port: 0,
        server_name: None,
        pid_file: None,
        ports_file_dir: None,
        log_file: None,
        log_time: true,
        log_time_utc: false,
        debug: false,
        trace: None,
        syslog: None,
        digest: String::new(),
        limits: Limits::default(),
        lame_duck: LameDuck::default(),
        login: Login::default(),
        jetstream: false,
        jetstream_config: JetStream::default(),
        store_dir: None,
        sync: SyncPolicy::Always,
    };
    assert_eq!(settings_of(""), expected);
    assert_eq!(settings_of("-D=false -js=false -a= -n= --"), expected);
}

#[test]
fn every_spelling_of_a_flag_is_the_same() {
    for words in ["-p -1", "--port -1", "-port=-1", "--p=-1", "-p 4222 -p -1"] {
        assert_eq!(settings_of(words).port, -1, "{words}");
    }
    for words in ["-a h", "--addr=h", "-net h", "-a x --net h"] {
        assert_eq!(settings_of(words).host, "h", "{words}");
    }
    for words in ["-n s", "-name=s", "--server_name s", "-server_name s"] {
        assert_eq!(settings_of(words).server_name.as_deref(), Some("s"), "{words}");
    }
    for words in ["-D", "--debug", "-D=true", "-debug=T", "-D=0 -D=1"] {
        assert!(settings_of(words).debug, "{words}");
    }
    for words in ["-V", "--trace", "-VV", "-DV", "-DVV"] {
        let settings = settings_of(words);
        let trace = settings.trace.unwrap_or_else(|| panic!("{words}"));
        assert_eq!((trace.system_account, settings.debug), (words.ends_with("VV"), words.starts_with("-D")), "{words}");
    }
    assert_eq!(settings_of("-V --max_traced_msg_len 7").trace.unwrap().max_payload, Some(7));
    assert_eq!(settings_of("-s").syslog, Some(Daemon::Local));
    assert_eq!(settings_of("-s -r udp://h:1").syslog, Some(Daemon::Udp("h:1".into())));
    assert!(!settings_of("-T=false").log_time);
    assert_eq!(settings_of("-l -p").log_file, Some("-p".into()));
    assert_eq!(settings_of("-P a=b").pid_file, Some("a=b".into()));
}

#[test]
fn harness_command_lines_are_understood() {
    let settings = settings_of("-p -1 -sd=/tmp/x -l server.log -P pid -m 8222 --ports_file_dir /tmp -logtime_utc");
    assert_eq!((settings.port, settings.monitor_port), (-1, 8222));
    assert_eq!(settings.ports_file_dir, Some("/tmp".into()));
    assert!(settings.log_time_utc);
}

#[test]
fn when_messages_are_synced_is_a_word_or_an_interval() {
    assert_eq!(settings_of("-js --sync os").sync, SyncPolicy::Os);
    assert_eq!(settings_of("--sync=always").sync, SyncPolicy::Always);
    assert_eq!(settings_of("--sync 500ms").sync, SyncPolicy::Interval(Duration::from_millis(500)));
    assert_eq!(settings_of("--sync 2s").sync, SyncPolicy::Interval(Duration::from_secs(2)));
    for wrong in ["0s", "never", "5", "-1s", "1m"] {
        let message =
            format!("invalid value {wrong:?} for --sync: it is always, os, or an interval such as 500ms or 2s");
        check_error(&format!("--sync={wrong}"), &message);
    }
}

#[test]
fn what_is_not_supported_yet_is_refused_by_name() {
    check_error("-t", "must specify [-c, --config] option to check configuration file syntax");
    check_error("--profile=1", "option --profile (profiling) is not supported yet");
    check_error("--help_tls", "option --help_tls (TLS) is not supported yet");
    check_error("-routes nats://x", "option --routes (clustering) is not supported yet");
    check_error("--log_size_limit 1", "option --log_size_limit (log rotation) is not supported yet");
}

#[test]
fn mistakes_are_told() {
    check_error("--bogus", "flag provided but not defined: -bogus");
    check_error("-bogus=1", "flag provided but not defined: -bogus");
    check_error("-p", "flag needs an argument: -p");
    check_error("---p 1", "bad flag syntax: ---p");
    check_error("-=1", "bad flag syntax: -=1");
    check_error("-D=maybe", "invalid boolean value \"maybe\" for -D");
    check_error("extra", "unrecognized command: \"extra\"");
    check_error("-p 1 -- extra", "unrecognized command: \"extra\"");
    check_error("-", "unrecognized command: \"-\"");
    for words in ["-p abc", "-p=", "-p 99999999999999999999", "-m 1.5"] {
        assert!(parse_words(words).unwrap_err().to_string().contains("invalid value"), "{words}");
    }
    assert!(matches!(parse(["-n".into(), "a b".into()].into_iter()), Err(UsageError::ServerName)));
}

#[test]
fn help_and_version_win() {
    for words in ["-h", "--help", "help", "-p 1 -h", "-c x -h"] {
        assert!(matches!(parse_words(words), Ok(Command::Help(_))), "{words}");
    }
    for words in ["-v", "--version", "version", "-js -version"] {
        assert!(matches!(parse_words(words), Ok(Command::Version)), "{words}");
    }
}
