//! What is staged reaches the outbox that it was staged for.

use super::*;
use crate::fixtures::outbox;

fn write(batch: &mut Batch, outbox: &Arc<Outbox>, text: &str) {
    let (stage, _) = batch.stage(outbox);
    stage.frames.open().extend_from_slice(text.as_bytes());
    stage.count(text.len());
    batch.note_staged(text.len());
}

#[test]
fn a_slot_may_pass_to_another_connection_within_a_turn() {
    let mut batch = Batch::default();
    let ((first, from_first), (second, from_second)) = (outbox(3), outbox(3));
    write(&mut batch, &first, "one ");
    write(&mut batch, &second, "two ");
    write(&mut batch, &first, "three ");
    assert_eq!((from_first.text(), from_second.text()), (String::new(), String::new()));
    batch.flush();
    assert_eq!((from_first.text().as_str(), from_second.text().as_str()), ("one three ", "two "));
    assert_eq!((first.sent(), second.sent()), ((2, 10), (1, 4)));
}

#[test]
fn a_slot_is_used_again_in_later_turns() {
    let mut batch = Batch::default();
    for turn in 0..5 {
        let (outbox, written) = outbox(turn % 2);
        write(&mut batch, &outbox, "hello");
        batch.flush();
        assert_eq!(written.text(), "hello");
    }
}

#[test]
fn much_is_handed_out_in_the_middle_of_a_turn() {
    let mut batch = Batch::default();
    let (outbox, written) = outbox(0);
    let piece = "x".repeat(MAX_STAGED_BYTES / 2);
    for _ in 0..3 {
        write(&mut batch, &outbox, &piece);
    }
    assert_eq!(written.text().len(), 3 * piece.len());
    write(&mut batch, &outbox, "rest");
    batch.flush();
    assert_eq!(written.text().len(), 3 * piece.len() + 4);
    assert_eq!(outbox.sent().0, 4);
}
