//! The command line: what is printed, what is refused.

use crate::server::output;

#[test]
fn version_and_help_go_to_standard_output() {
    for words in [["-v"], ["--version"], ["version"]] {
        let (code, stdout, stderr) = output(&words);
        assert_eq!((code, stderr.as_str()), (0, ""));
        let line = format!("embus: v{} (nats-server v{})\n", env!("CARGO_PKG_VERSION"), embus::NATS_VERSION);
        assert_eq!(stdout, line);
    }
    for words in [["-h"], ["--help"], ["help"]] {
        let (code, stdout, stderr) = output(&words);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.contains("--http_port"), "{stdout}");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    for (words, message) in [
        (&["-t"][..], "embus: must specify [-c, --config] option to check configuration file syntax\n"),
        (&["--profile", "1"], "embus: option --profile (profiling) is not supported yet\n"),
        (&["--log_size_limit=5"], "embus: option --log_size_limit (log rotation) is not supported yet\n"),
        (&["--bogus"], "embus: flag provided but not defined: -bogus\n"),
        (&["extra"], "embus: unrecognized command: \"extra\"\n"),
        (&["-n", "a b"], "embus: server name cannot contain spaces\n"),
        (&["--signal", "hop"], "embus: unknown signal \"hop\"\n"),
        (&["--signal", "foo=1"], "embus: unknown signal \"foo\"\n"),
        (&["-sl", "ldm=abc"], "embus: invalid pid: abc\n"),
    ] {
        let (code, stdout, stderr) = output(words);
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (1, "", message), "{words:?}");
    }
}
