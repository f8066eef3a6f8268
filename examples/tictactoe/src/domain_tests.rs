//! The same against a broker inside, async-nats beside embus, and nats-server where there is one.

use std::pin::pin;

use super::super::stages;
use super::*;

const TTL: Duration = Duration::from_secs(3600);

async fn player(games: &Games, name: &str) -> Player {
    let secret = games.login(name).await.unwrap();
    games.player(&secret).await.unwrap().unwrap()
}

fn words(done: Result<(), GameError>) -> &'static str {
    match done {
        Err(GameError::Refused(words)) => words,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn two_play_and_others_may_not() {
    for stage in stages().await {
        let games = Games::open(stage.client.clone(), TTL).await.unwrap();
        let (ada, bob, eve) = (player(&games, "Ada").await, player(&games, "Bob").await, player(&games, "Eve").await);
        let id = games.create(&ada).await.unwrap();
        assert_eq!(words(games.play(&id, &ada, 0).await), "Wait until somebody joins.");
        games.join(&id, &bob).await.unwrap();
        games.join(&id, &bob).await.unwrap();
        assert_eq!(words(games.join(&id, &eve).await), "Somebody else was faster.");
        assert_eq!(words(games.play(&id, &bob, 0).await), "It is not your turn.");
        assert_eq!(words(games.play(&id, &eve, 0).await), "You only look on here.");
        for (who, cell) in [(&ada, 0), (&bob, 3), (&ada, 1), (&bob, 4), (&ada, 2)] {
            games.play(&id, who, cell).await.unwrap();
        }
        assert_eq!(words(games.play(&id, &bob, 5).await), "The game is over.");
        games.play_again(&id, &bob).await.unwrap();
        games.play(&id, &ada, 8).await.unwrap();
        assert_eq!(words(games.delete(&id, &bob).await), "Only who made the game can delete it.");
    }
}

#[tokio::test]
async fn of_two_who_join_or_play_at_once_one_does() {
    for stage in stages().await {
        let games = Games::open(stage.client.clone(), TTL).await.unwrap();
        let (ada, bob, eve) = (player(&games, "Ada").await, player(&games, "Bob").await, player(&games, "Eve").await);
        let id = games.create(&ada).await.unwrap();
        let (one, other) = tokio::join!(games.join(&id, &bob), games.join(&id, &eve));
        assert_ne!(one.is_ok(), other.is_ok());
        let (one, other) = tokio::join!(games.play(&id, &ada, 0), games.play(&id, &ada, 1));
        assert_ne!(one.is_ok(), other.is_ok());
    }
}

#[tokio::test]
async fn watches_tell_of_every_change_and_of_the_end() {
    for stage in stages().await {
        let games = Games::open(stage.client.clone(), TTL).await.unwrap();
        let (ada, bob) = (player(&games, "Ada").await, player(&games, "Bob").await);
        let mut lobbies = pin!(games.lobbies().await.unwrap());
        assert!(lobbies.try_next().await.unwrap().unwrap().is_empty());
        let id = games.create(&ada).await.unwrap();
        assert_eq!(lobbies.try_next().await.unwrap().unwrap()[&id].guest, None);
        let mut later = pin!(games.lobbies().await.unwrap());
        assert!(later.try_next().await.unwrap().unwrap().contains_key(&id));
        let mut game = pin!(games.game(&id).await.unwrap());
        assert_eq!(game.try_next().await.unwrap().unwrap().unwrap().board, Board::default());
        games.join(&id, &bob).await.unwrap();
        assert_eq!(lobbies.try_next().await.unwrap().unwrap()[&id].guest.as_ref(), Some(&bob));
        games.delete(&id, &ada).await.unwrap();
        assert!(lobbies.try_next().await.unwrap().unwrap().is_empty());
        while game.try_next().await.unwrap().unwrap().is_some() {}
    }
}

#[tokio::test]
async fn what_somebody_makes_up_opens_nothing() {
    for stage in stages().await {
        let games = Games::open(stage.client.clone(), TTL).await.unwrap();
        let ada = player(&games, "Ada").await;
        for made_up in ["", "x", "../users", ">", &token()] {
            assert_eq!(games.player(made_up).await.unwrap(), None);
            assert_eq!(words(games.join(made_up, &ada).await), GONE);
            assert_eq!(words(games.play(made_up, &ada, 0).await), GONE);
            assert_eq!(words(games.delete(made_up, &ada).await), GONE);
        }
    }
}

#[tokio::test]
async fn logins_last_until_they_are_ended() {
    for stage in stages().await {
        let games = Games::open(stage.client.clone(), TTL).await.unwrap();
        let secret = games.login("Ada").await.unwrap();
        let again = Games::open(stage.client.clone(), TTL).await.unwrap();
        assert_eq!(again.player(&secret).await.unwrap().unwrap().name, "Ada");
        again.logout(&secret).await.unwrap();
        assert_eq!(games.player(&secret).await.unwrap(), None);
    }
}
