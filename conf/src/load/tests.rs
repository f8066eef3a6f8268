use std::{collections::BTreeMap, fmt::Write, io};

use super::*;
use crate::Document;

/// Files and variables of a test.
#[derive(Default)]
struct World {
    files: BTreeMap<&'static Path, String>,
    variables: BTreeMap<&'static str, &'static str>,
}

impl Surroundings for World {
    fn read(&self, path: &Path, _max: usize) -> io::Result<Vec<u8>> {
        let text = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.clone().into_bytes())
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|&value| value.to_owned())
    }
}

fn world(files: &[(&'static str, &str)], variables: &[(&'static str, &'static str)]) -> World {
    let files = files.iter().map(|(path, text)| (Path::new(*path), (*text).to_owned())).collect();
    World { files, variables: variables.iter().copied().collect() }
}

#[track_caller]
fn check(world: &World, text: &str, json: &str) {
    match Document::parse("dir/c.conf", text, world) {
        Ok(document) => assert_eq!(serde_json::to_string(document.root()).unwrap(), json, "of {text:?}"),
        Err(error) => panic!("{text:?}: {error}"),
    }
}

#[track_caller]
fn refuse(world: &World, text: &str, message: &str) {
    let error = Document::parse("dir/c.conf", text, world).expect_err(text).to_string();
    assert!(error.contains(message), "{text:?}: {error}");
}

#[test]
fn the_later_of_two_counts() {
    check(&World::default(), "a 1\nb 2\na 3", r#"{"a":3,"b":2}"#);
    refuse(&World::default(), "# nothing", "dir/c.conf: config has no values or is empty");
}

#[test]
fn errors_name_line_and_column() {
    refuse(&World::default(), "a 1\n  b \"x", "Parse error on line 2: this quote is not closed (dir/c.conf:2:5)");
}

#[test]
fn variables_are_looked_for_outward() {
    let none = World::default();
    check(&none, "x 5\na $x\nb { c $x }", r#"{"a":5,"b":{"c":5},"x":5}"#);
    check(&none, "x 5\nb { x 6; c $x }", r#"{"b":{"c":6,"x":6},"x":5}"#);
    check(&none, "x [1, 2]\ny $x\na $y", r#"{"a":[1,2],"x":[1,2],"y":[1,2]}"#);
    check(&none, "x 5\nx $x", r#"{"x":5}"#);
    for text in ["a $x\nx 5", "b { x 5 }\na $x", "x $x", "x $y\ny $x"] {
        refuse(&none, text, "can not be found");
    }
    refuse(&none, "a 1\nb [\n $x ]", "variable reference for 'x' on line 3 can not be found (dir/c.conf:3:2)");
}

#[test]
fn used_variables_are_marked() {
    let document = Document::parse("c.conf", "x 5\ny 6\na $x", &Nowhere).unwrap();
    let marked: Vec<_> = document.root().iter().filter(|(_, entry)| entry.is_variable).map(|(key, _)| key).collect();
    assert_eq!(marked, ["x"]);
}

#[test]
fn the_environment_is_read_as_values() {
    let env = [
        ("N", "1k"),
        ("Q", "'a b'"),
        ("L", "[x,y]"),
        ("M", "{b: 1}"),
        ("R", "$N"),
        ("E", ""),
        ("BAD", "a b"),
        ("C", "$D"),
        ("D", "$C"),
    ];
    let env = world(&[], &env);
    check(&env, "a [$N, $Q, $L, $M, $R, $E]", r#"{"a":[1000,"a b",["x","y"],{"b":1},1000,""]}"#);
    check(&env, "N 7\na $N", r#"{"N":7,"a":7}"#);
    refuse(&env, "a $BAD", "variable reference for 'BAD' on line 1 could not be parsed");
    refuse(&env, "a $C", "variable reference cycle for 'C'");
}

#[test]
fn includes_are_beside_the_file_that_names_them() {
    let files = [
        ("dir/sub/a.conf", "include b.conf\na 1"),
        ("dir/sub/b.conf", "b 2"),
        ("/etc/c.conf", "c $V"),
        ("dir/bad.conf", "\n{"),
        ("dir/x.conf", "x {y 1"),
    ];
    let files = world(&files, &[("V", "3")]);
    check(&files, "include sub/a.conf", r#"{"a":1,"b":2}"#);
    check(&files, "d { include './sub/b.conf' }\nb 1", r#"{"b":1,"d":{"b":2}}"#);
    check(&files, "include sub/b.conf\nc $b", r#"{"b":2,"c":2}"#);
    check(&files, "include /etc/c.conf", r#"{"c":3}"#);
    check(&files, "V 4\ninclude /etc/c.conf", r#"{"V":4,"c":3}"#);
    refuse(
        &files,
        "\ninclude nope.conf",
        "error parsing include file 'nope.conf', error opening config file dir/nope.conf",
    );
    refuse(&files, "include x.conf", "Parse error on line 1: this block is not closed (dir/x.conf:1:3)");
    let document = Document::parse("dir/c.conf", "include sub/a.conf", &files).unwrap();
    assert_eq!(document.root().get("b").unwrap().position.to_string(), "dir/sub/b.conf:1:1");
}

#[test]
fn files_that_include_each_other_end() {
    let files = world(
        &[
            ("dir/a.conf", "a { include a.conf }"),
            ("dir/b.conf", &"include c.conf\n".repeat(500)),
            ("dir/c.conf", "include d.conf\ninclude d.conf\ninclude d.conf"),
            ("dir/d.conf", "d 1"),
        ],
        &[],
    );
    refuse(&files, "include a.conf", "files that include each other");
    refuse(&files, "include b.conf", "more than 1024 included files");
}

#[test]
fn small_files_cannot_stand_for_huge_ones() {
    let mut text = String::from("v0 [a, a, a, a, a, a, a, a, a, a]\n");
    for index in 1..30 {
        let before = format!("$v{}", index - 1);
        writeln!(text, "v{index} [{}]", [before.as_str(); 10].join(", ")).unwrap();
    }
    refuse(&World::default(), &text, "bytes of values");
    let mut text = String::from("v0 {a 1}\n");
    for index in 1..100_000 {
        writeln!(text, "v{index} {{a: $v{}}}", index - 1).unwrap();
    }
    refuse(&World::default(), &text, "within each other");
}

#[test]
fn files_of_the_system_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.conf");
    std::fs::write(&path, b"a \"\xff\"\nb $PATH_OF_NOBODY").unwrap();
    assert!(System.read(&path, 4).is_err());
    refuse(&World::default(), "include '\0'", "error parsing include file");
    let error = Document::open(&path, &System).unwrap_err().to_string();
    assert!(error.contains("'PATH_OF_NOBODY' on line 2"), "{error}");
    assert!(Document::open(directory.path(), &System).is_err());
}
