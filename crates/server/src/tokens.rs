//! API tokens as the server makes them: random, shown once, stored as a hash.

use anyhow::Result;
use sha2::{Digest, Sha256};
use stagewire_engine::hub::Hub;
use stagewire_model::{MAIN, id};

/// Creates an admin's token at start.
pub(crate) const VARIABLE: &str = "STAGEWIRE_ADMIN_TOKEN";
/// Said once: a first token was made.
const MADE: &str = "first_token";
const SHORTEST: usize = 16;

/// Makes sure that there is a token to begin with; gives back the one to show, if it was just made.
pub(crate) async fn at_start(
    hub: &Hub,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>> {
    if let Some(given) = env(VARIABLE) {
        let given = given.trim();
        anyhow::ensure!(
            given.len() >= SHORTEST,
            "{VARIABLE} has fewer than {SHORTEST} characters"
        );
        if hub.store.token(hash(given)).await?.is_none() {
            put(hub, VARIABLE, given, "environment").await?;
        }
        hub.store.meta_put(MADE.to_owned(), vec![1]).await?;
        return Ok(None);
    }
    if hub.store.meta(MADE.to_owned()).await?.is_some() {
        return Ok(None);
    }
    let made = new(hub);
    put(hub, "first start", &made, "first start").await?;
    hub.store.meta_put(MADE.to_owned(), vec![1]).await?;
    Ok(Some(made))
}

async fn put(hub: &Hub, name: &str, token: &str, by: &str) -> Result<()> {
    let (name, role, by) = (name.to_owned(), "admin".to_owned(), by.to_owned());
    let at = hub.env.now().0;
    hub.store
        .token_put(MAIN, name, role, String::new(), hash(token), at, by)
        .await?;
    Ok(())
}

/// A new token's text.
fn new(hub: &Hub) -> String {
    let random = || id::encode(&hub.env.random());
    format!("sw_{}{}", random(), random())
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
