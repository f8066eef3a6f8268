//! What a form was filled in with.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The fields of a form, or a page that says what is wrong with them.
#[derive(Debug)]
pub struct Fields<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let form = Form::from_request(request, state).await;
        form.map(|Form(fields)| Self(fields)).map_err(|rejection| problem(&rejection))
    }
}

fn problem(rejection: &FormRejection) -> Problem {
    let status = rejection.status();
    let text = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "That is too long.",
        _ => "The form is not filled in as it should be.",
    };
    Problem::new(status, text)
}
