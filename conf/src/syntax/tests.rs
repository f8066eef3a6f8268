use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// The tree in a form that is short to write.
fn show(items: &[Item<'_>]) -> String {
    let item = |item: &Item<'_>| match item {
        Item::Pair { key, value, .. } => format!("{key}={}", node(value)),
        Item::Include { path, .. } => format!("<{path}>"),
    };
    items.iter().map(item).collect::<Vec<_>>().join(" ")
}

fn node(node: &Node<'_>) -> String {
    match &node.written {
        Written::Text(text) => format!("{text:?}"),
        Written::Variable(name) => format!("${name}"),
        Written::Integer(number) => number.to_string(),
        Written::Float(number) => format!("{number:?}f"),
        Written::Boolean(boolean) => boolean.to_string(),
        Written::Date(date) => date.to_string(),
        Written::List(nodes) => format!("[{}]", nodes.iter().map(self::node).collect::<Vec<_>>().join(" ")),
        Written::Block(items) => format!("{{{}}}", show(items)),
    }
}

#[track_caller]
fn check(text: &str, tree: &str) {
    match document(text) {
        Ok(items) => assert_eq!(show(&items), tree, "of {text:?}"),
        Err(error) => panic!("{text:?}: {} at {:?}", error.text, error.at),
    }
}

#[track_caller]
fn refuse(text: &str, part: &str, at: &str) {
    let error = document(text).expect_err(text);
    assert!(error.text.contains(part), "{text:?}: {}", error.text);
    assert_eq!(error.at, at, "of {text:?}");
}

#[test]
fn keys_and_values_are_separated_in_any_way() {
    for text in [
        "a: 1",
        "a = 1",
        "a 1",
        "a:1",
        "a=1",
        "a\t:\t1",
        "a\n1",
        "'a' 1",
        "\"a\": 1",
        "{a: 1}",
        "{\"a\": 1}\n",
        "a 1;",
        "a 1,",
    ] {
        check(text, "a=1");
    }
    check("a\n\n: 1", "a=1");
    refuse("a:\n1", "expected a value", "\n1");
    refuse("a", "no value", "a");
    refuse(": 1", "no key", ": 1");
    check("a = = ", "a=\"=\"");
}

#[test]
fn entries_end_with_lines_commas_and_semicolons() {
    for text in [
        "a 1\nb 2",
        "a 1, b 2",
        "a 1; b 2",
        "a 1 # x\nb 2",
        "a 1 // x\nb 2",
        "a 1\r\nb 2",
        "{a 1}\nb 2",
        "{\n a 1\n b 2\n",
    ] {
        check(text, "a=1 b=2");
    }
    refuse("a 1 b 2", "expected a value to end", "b 2");
    refuse("a 1 / x", "expected a value to end", "/ x");
    check("# nothing\n// at all\n", "");
}

#[test]
fn blocks() {
    check("a { b: 1, c: x; d { } }", "a={b=1 c=\"x\" d={}}");
    check("a\n{\n b 1\n}\n", "a={b=1}");
    check("a { b {c 1} # x\n }", "a={b={c=1}}");
    refuse("a { b 1 c 2 }", "expected ',' or '}'", "c 2 }");
    refuse("a { b 1", "not closed", "{ b 1");
    refuse("a: [b}", "expected ',' or ']'", "}");
}

#[test]
fn lists_are_separated_by_commas_or_lines() {
    for text in ["a [b, c]", "a: [b,c,]", "a = [\nb\nc\n]", "a [ b # x\n c // y\n ]", "a ['b', \"c\"]"] {
        check(text, "a=[\"b\" \"c\"]");
    }
    check("a [[1], {b: 2}\n true]", "a=[[1] {b=2} true]");
    check("a []", "a=[]");
    refuse("a [b c]", "expected ',' or ']'", "c]");
    refuse("a [,b]", "no element", ",b]");
    refuse("a [b,,c]", "no element", ",c]");
    refuse("a [b", "not closed", "[b");
}

#[test]
fn quotes_and_escapes() {
    check(r#"a "x\t\n\r\"\\\x41""#, r#"a="x\t\n\r\"\\A""#);
    check("a 'x\\n'", "a=\"x\\\\n\"");
    check("a 'x\ny'", "a=\"x\\ny\"");
    check(r"a x\x41\x20y", "a=\"xA y\"");
    check(r#"a "\xc3\xa9""#, "a=\"é\"");
    refuse(r#"a "\xff""#, "UTF-8", "\\xff\"");
    refuse(r#"a "\q""#, "no escape", "q\"");
    refuse(r#"a "\xg0""#, "hexadecimal", "g0\"");
    refuse(r#"a "x\""#, "not closed", r#""x\""#);
    refuse("a 'x", "not closed", "'x");
    refuse("a \"b\"c", "expected a value to end", "c");
}

#[test]
fn text_in_parentheses_ends_with_one_alone_on_its_line() {
    check("a (\n b)\nc\n)\nd 1", "a=\"\\n b)\\nc\\n\" d=1");
    refuse("a (b)", "not closed", "(b)");
    refuse("a (\n b\n )", "not closed", "(\n b\n )");
}

#[test]
fn words() {
    check("a x#y", "a=\"x#y\"");
    check("a nats://h:1/x", "a=\"nats://h:1/x\"");
    check("a [foo.>, *.bar, $SYS.>]", "a=[\"foo.>\" \"*.bar\" $SYS.>]");
    check("a $2a$10$abc", "a=\"$2a$10$abc\"");
    check("a $b", "a=$b");
    check("a '$b'", "a=\"$b\"");
    check("$a: 1", "$a=1");
    refuse("a it's", "expected a value to end", "'s");
}

#[test]
fn booleans_in_all_spellings() {
    for word in ["true", "yes", "on", "TRUE", "Yes", "oN"] {
        check(&format!("a {word}"), "a=true");
    }
    for word in ["false", "no", "off", "False", "NO"] {
        check(&format!("a {word}"), "a=false");
    }
    check("a 'true'", "a=\"true\"");
    check("a truely", "a=\"truely\"");
}

#[test]
fn numbers() {
    let check = |word: &str, value: &str| check(&format!("a {word}"), &format!("a={value}"));
    check("-1", "-1");
    check("010", "10");
    for (power, letter) in ["k", "m", "g", "t", "p", "e"].into_iter().enumerate() {
        let power = u32::try_from(power + 1).unwrap();
        check(&format!("2{letter}"), &(2 * 10_i64.pow(3 * power)).to_string());
        for suffix in ["b", "i", "ib", "B", "iB"] {
            check(&format!("2{}{suffix}", letter.to_uppercase()), &(2_i64 << (10 * power)).to_string());
        }
    }
    check("1.5", "1.5f");
    check("-1.50", "-1.5f");
    for text in ["1e3", "0x10", "1_000", "127.0.0.1", "10.0.0.1:4222", "1kk", "1b", "5s", "1m30s", "5/x"] {
        check(text, &format!("{text:?}"));
    }
    for text in [".5", "1.", "1.x", "1.5k", "-a", "-", "-5x", "99999999999999999999", "9eb"] {
        assert!(document(&format!("a {text}")).is_err(), "{text}");
    }
}

#[test]
fn dates_are_whole() {
    check("a 2026-11-20T16:06:35Z", "a=2026-11-20T16:06:35Z");
    for text in ["2026-11-20", "2026-11-20T16:06:35", "2026-11-20T16:06:35+01:00", "2026-13-20T16:06:35Z", "5-6"] {
        refuse(&format!("a {text}"), "a date of the form", text);
    }
}

#[test]
fn includes() {
    check("include a.conf\nb { include 'c d.conf'; e 1 }", "<a.conf> b={<c d.conf> e=1}");
    check("include: a", "include=\"a\"");
    check("INCLUDE a;b 1", "<a> b=1");
    refuse("include \n a", "the path of a file", "\n a");
}

#[test]
fn depth_is_bounded() {
    for (open, shallow) in [("{a ", "no value"), ("[", "not closed"), ("{a [", "not closed")] {
        let text = |depth: usize| format!("a {}", open.repeat(depth / (open.len() / 2).max(1)));
        assert!(document(&text(MAX_DEPTH)).unwrap_err().text.contains(shallow), "{open}");
        assert!(document(&text(300_000)).unwrap_err().text.contains("within each other"), "{open}");
    }
}

/// A value as text that means it, and as [`node`] shows it.
fn values() -> impl Strategy<Value = (String, String)> {
    let text = "[^\\\\\"]{0,8}".prop_map(|text| (format!("\"{text}\""), format!("{text:?}")));
    let integer = any::<i64>().prop_map(|number| (number.to_string(), number.to_string()));
    let boolean = any::<bool>().prop_map(|boolean| (boolean.to_string(), boolean.to_string()));
    let leaf = prop_oneof![text, integer, boolean];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let list = prop::collection::vec((inner.clone(), prop_oneof![Just(","), Just("\n"), Just(" , \n")]), 0..4);
        let block = prop::collection::vec((inner, prop_oneof![Just(":"), Just(" = "), Just(" ")]), 0..4);
        let list = list.prop_map(|parts| {
            let written = parts.iter().fold(String::new(), |text, ((value, _), end)| text + value + end);
            let shown = parts.iter().map(|((_, shown), _)| shown.as_str()).collect::<Vec<_>>().join(" ");
            (format!("[{written}]"), format!("[{shown}]"))
        });
        let block = block.prop_map(|parts| {
            let (mut written, mut shown) = (String::new(), Vec::new());
            for (index, ((value, show), separator)) in parts.iter().enumerate() {
                let _ = write!(written, "k{index}{separator}{value}; ");
                shown.push(format!("k{index}={show}"));
            }
            (format!("{{{written}}}"), format!("{{{}}}", shown.join(" ")))
        });
        prop_oneof![list, block]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read((written, shown) in values()) {
        let text = format!("key: {written}");
        let items = document(&text).map_err(|error| TestCaseError::fail(format!("{text:?}: {}", error.text)))?;
        prop_assert_eq!(show(&items), format!("key={shown}"));
    }

    #[test]
    fn any_text_is_read_or_refused_within_itself(text in any::<String>()) {
        if let Err(error) = document(&text) {
            prop_assert!(text.ends_with(error.at));
        }
    }

    #[test]
    fn any_text_of_the_language_is_read_or_refused(text in "[a{}\\[\\]\"'()\\\\$:=,; \n#/.0-9-]{0,40}") {
        let _ = document(&text);
    }
}
