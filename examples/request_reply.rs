//! A service and somebody who asks: an answer, nobody there, and an answer that does not come in time. Ends by itself.
//!
//! `cargo run -p embus-examples --example request_reply`

use std::time::Duration;

use embus::{Broker, Client, RequestErrorKind};
use futures_util::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().start().await?;
    let client = broker.client();

    let refused = client.request("double", "21".into()).await.err().map(|error| error.kind());
    assert_eq!(refused, Some(RequestErrorKind::NoResponders));
    println!("nobody is there, and that is known at once");

    let requests = client.subscribe("double").await?;
    tokio::spawn(serve(client.clone(), requests));
    let answer = client.request("double", "21".into()).await?;
    println!("twice 21 is {:?}", answer.payload);

    let hurried = embus::Request::new().payload("no number".into()).timeout(Some(Duration::from_millis(50)));
    let late = client.send_request("double", hurried).await.err().map(|error| error.kind());
    assert_eq!(late, Some(RequestErrorKind::TimedOut));
    println!("what is no number is not answered");
    Ok(())
}

/// Answers as long as the broker runs; a service that is asked what it does not understand says nothing.
async fn serve(client: Client, mut requests: embus::Subscriber) {
    while let Some(request) = requests.next().await {
        let number = std::str::from_utf8(&request.payload).ok().and_then(|text| text.parse::<i64>().ok());
        if let (Some(number), Some(reply)) = (number, request.reply)
            && client.publish(reply, (2 * number).to_string().into()).await.is_err()
        {
            return;
        }
    }
}
