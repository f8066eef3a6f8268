//! The same against a broker inside, async-nats beside embus, and nats-server where there is one.

use std::pin::pin;

use super::super::stages;
use super::*;

async fn next(lines: &mut (impl Stream<Item = Result<Line, nats::Error>> + Unpin)) -> String {
    lines.next().await.expect("it goes on").expect("the stream is there").text
}

#[tokio::test]
async fn a_room_begins_with_its_last_messages_and_goes_on() {
    for stage in stages().await {
        let chat = Chat::open(stage.client.clone()).await.unwrap();
        for number in 0..60 {
            chat.say("lobby", "Ada", number.to_string()).await.unwrap();
            chat.say("rust", "Bob", "elsewhere".to_owned()).await.unwrap();
        }
        let mut lines = pin!(chat.listen("lobby", Start::Recent).await.unwrap());
        for number in 10..60 {
            assert_eq!(next(&mut lines).await, number.to_string());
        }
        for number in 60..120 {
            chat.say("lobby", "Ada", number.to_string()).await.unwrap();
            assert_eq!(next(&mut lines).await, number.to_string());
        }
    }
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_and_nothing_twice() {
    for stage in stages().await {
        let chat = Chat::open(stage.client.clone()).await.unwrap();
        let seen = chat.say("lobby", "Ada", "seen".to_owned()).await.unwrap();
        chat.say("lobby", "Ada", "missed".to_owned()).await.unwrap();
        let mut lines = pin!(chat.listen("lobby", Start::After(seen)).await.unwrap());
        assert_eq!(next(&mut lines).await, "missed");
    }
}

#[tokio::test]
async fn other_clients_write_along() {
    for stage in stages().await {
        let chat = Chat::open(stage.client.clone()).await.unwrap();
        let mut lines = pin!(chat.listen("lobby", Start::Recent).await.unwrap());
        stage.client.publish("chat.lobby", "from a terminal".into()).await.unwrap();
        let line = lines.next().await.unwrap().unwrap();
        assert_eq!((line.author, line.text.as_str()), (None, "from a terminal"));
        assert_eq!(chat.rooms().await.unwrap(), [Room { name: "lobby".to_owned(), messages: 1 }]);
    }
}

#[test]
fn rooms_are_plain_words() {
    for good in ["lobby", "rust-2"] {
        assert!(is_room(good), "{good}");
    }
    for bad in ["", "a.b", "*", ">", "a b", "Lobby", "../x", &"a".repeat(33)] {
        assert!(!is_room(bad), "{bad}");
    }
}
