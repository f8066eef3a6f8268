//! Values and lists.

use nom::Parser;

use super::{
    Input, MAX_DEPTH, Node, Parsed, Written,
    blank::{blank, is_line_end, rest_of_line, spaces},
    block::block,
    fail, found, quoted, word,
};

/// The value behind a key.
pub(super) fn value_at(input: Input<'_>, depth: usize) -> Parsed<'_, Node<'_>> {
    let (input, ()) = spaces(input)?;
    if input.starts_with(is_line_end) {
        return Err(fail(input, "expected a value, but found the end of the line"));
    }
    value(input, depth)
}

fn value(at: Input<'_>, depth: usize) -> Parsed<'_, Node<'_>> {
    let (rest, written) = match at.chars().next() {
        Some('{') => block(at, depth + 1).map(|(rest, items)| (rest, Written::Block(items)))?,
        Some('[') => list(at, depth + 1).map(|(rest, nodes)| (rest, Written::List(nodes)))?,
        Some('"') => quoted::double.map(Written::Text).parse(at)?,
        Some('\'') => quoted::single.map(Written::Text).parse(at)?,
        Some('(') => quoted::in_parentheses.map(Written::Text).parse(at)?,
        _ => word::word(at)?,
    };
    Ok((rest, Node { at, written }))
}

/// `[ … ]`, from its bracket on. Elements are separated by a comma or by line ends.
fn list(input: Input<'_>, depth: usize) -> Parsed<'_, Vec<Node<'_>>> {
    if depth > MAX_DEPTH {
        return Err(fail(input, format!("more than {MAX_DEPTH} blocks and lists within each other")));
    }
    let mut nodes = Vec::new();
    let mut rest = input.strip_prefix('[').unwrap_or(input);
    loop {
        (rest, ()) = blank(rest)?;
        match rest.chars().next() {
            None => return Err(fail(input, "this list is not closed")),
            Some(']') => return Ok((&rest[1..], nodes)),
            Some(',') => return Err(fail(rest, "there is no element before this ','")),
            Some(_) => {}
        }
        let node;
        (rest, node) = value(rest, depth)?;
        nodes.push(node);
        (rest, ()) = rest_of_line(rest)?;
        rest = match rest.chars().next() {
            None => return Err(fail(input, "this list is not closed")),
            Some(',') => &rest[1..],
            Some(']' | '\n' | '\r') => rest,
            Some(_) => {
                return Err(fail(rest, format!("expected ',' or ']' after an element, but found {}", found(rest))));
            }
        };
    }
}
