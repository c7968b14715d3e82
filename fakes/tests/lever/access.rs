//! Keys, permissions, confidential records, the limit, and the partner flow.

use serde_json::json;
use stagewire_fakes::lever::{Consent, Key, Partner};
use stagewire_fakes::{Fault, Rule};

use super::Ats;
use super::common::{Answer, send};

const AUDIENCE: &str = "https://api.lever.co/v1/";
const BACK: &str = "http://127.0.0.1:1/back";

impl Ats {
    /// Visits the consent page; the answer is where the visitor is sent.
    async fn consent(&self, scope: &str, audience: &str) -> reqwest::Url {
        let mut url = reqwest::Url::parse(&format!("{}/authorize", self.handle.url())).unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", "demo-client")
            .append_pair("redirect_uri", BACK)
            .append_pair("response_type", "code")
            .append_pair("state", "s t&te")
            .append_pair("scope", scope)
            .append_pair("audience", audience);
        let answer = send(self.client.get(url)).await;
        assert_eq!(answer.status, 302, "{}", answer.text);
        reqwest::Url::parse(answer.header("location")).unwrap()
    }

    async fn token(&self, pairs: &[(&str, &str)]) -> Answer {
        let mut form = reqwest::Url::parse("http://x").unwrap();
        form.query_pairs_mut()
            .append_pair("client_id", "demo-client")
            .append_pair("client_secret", "demo-secret")
            .extend_pairs(pairs);
        let url = format!("{}/oauth/token", self.handle.url());
        let request = self.client.post(url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        send(request.body(form.query().unwrap().to_string())).await
    }

    async fn exchange(&self, code: &str) -> Answer {
        let grant = ("grant_type", "authorization_code");
        self.token(&[grant, ("code", code), ("redirect_uri", BACK)])
            .await
    }

    async fn refresh(&self, token: &str) -> Answer {
        let grant = ("grant_type", "refresh_token");
        self.token(&[grant, ("refresh_token", token)]).await
    }

    async fn status_with(&self, token: &str, path: &str) -> u16 {
        let request = self.client.get(self.url(path));
        send(request.bearer_auth(token)).await.status
    }
}

fn field(url: &reqwest::Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(have, _)| have == name)
        .map(|(_, value)| value.into())
}

#[tokio::test]
async fn a_bad_key_is_401_and_a_narrow_one_403() {
    let ats = Ats::start().await;
    assert_eq!(ats.get_as("nobody", "/stages").await.status, 401);
    let naked = send(ats.client.get(ats.url("/stages"))).await;
    assert_eq!(naked.status, 401);
    assert!(naked.json()["code"].is_string());
    ats.fake()
        .add_key(Key::with_scopes("narrow", &["stages:read:admin"]));
    assert_eq!(ats.get_as("narrow", "/stages").await.status, 200);
    let refused = ats.get_as("narrow", "/opportunities").await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.json()["message"]
            .as_str()
            .unwrap()
            .contains("opportunities:read:admin")
    );
    let id = ats.somebody();
    let notes = format!("/opportunities/{id}/notes");
    assert_eq!(ats.get_as("narrow", &notes).await.status, 403);
    ats.fake().revoke_key("narrow");
    assert_eq!(ats.get_as("narrow", "/stages").await.status, 401);
}

#[tokio::test]
async fn confidential_records_need_the_key_and_the_word() {
    let ats = Ats::start().await;
    let mut key = Key::full("open");
    key.confidential = false;
    ats.fake().add_key(key);
    let plain = ats.walk("/opportunities").await;
    let all = ats.walk("/opportunities?confidentiality=all").await;
    assert_eq!(all.len(), plain.len() + 1);
    let hidden = all
        .iter()
        .find(|row| row["confidentiality"] == "confidential");
    let hidden = hidden.unwrap()["id"].as_str().unwrap();
    let seen = ats
        .get_as("open", "/opportunities?confidentiality=all&limit=100")
        .await;
    assert_eq!(seen.json()["data"].as_array().unwrap().len(), plain.len());
    let path = format!("/opportunities/{hidden}");
    assert_eq!(ats.get(&path).await.status, 200);
    assert_eq!(ats.get_as("open", &path).await.status, 403);
    assert_eq!(
        ats.get_as("open", &format!("{path}/notes")).await.status,
        403
    );
}

#[tokio::test]
async fn a_burst_beyond_the_bucket_is_429_without_a_hint() {
    let ats = Ats::start().await;
    ats.fake().add_key(Key::full("other"));
    ats.fake().set_rate_limit(10);
    for _ in 0..20 {
        assert_eq!(ats.get("/stages").await.status, 200);
    }
    let refused = ats.get("/stages").await;
    assert_eq!(refused.status, 429);
    assert!(refused.json()["message"].is_string());
    assert!(refused.headers.get("retry-after").is_none());
    assert!(
        refused
            .headers
            .keys()
            .all(|name| !name.as_str().contains("ratelimit"))
    );
    assert_eq!(ats.get_as("other", "/stages").await.status, 200);
    ats.later(1);
    for _ in 0..10 {
        assert_eq!(ats.get("/stages").await.status, 200);
    }
    assert_eq!(ats.get("/stages").await.status, 429);
    assert_eq!(ats.fake().throttled(), 2);
    assert_eq!(ats.fake().answers()[&429], 2);
    ats.fake().set_rate_limit(0);
    assert_eq!(ats.get("/stages").await.status, 200);
}

#[tokio::test]
async fn refresh_tokens_are_good_once_and_end_when_idle() {
    let ats = Ats::start().await;
    let back = ats
        .consent("stages:read:admin offline_access", AUDIENCE)
        .await;
    assert_eq!(field(&back, "state").as_deref(), Some("s t&te"));
    let code = field(&back, "code").unwrap();
    let first = ats.exchange(&code).await.json();
    assert_eq!(
        (&first["token_type"], &first["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );
    assert_eq!(ats.exchange(&code).await.json()["error"], "invalid_grant");

    let access = first["access_token"].as_str().unwrap();
    assert_eq!(ats.status_with(access, "/stages").await, 200);
    assert_eq!(ats.status_with(access, "/tags").await, 403);
    ats.later(3600);
    assert_eq!(ats.status_with(access, "/stages").await, 401);

    let old = first["refresh_token"].as_str().unwrap();
    let second = ats.refresh(old).await.json();
    let new = second["refresh_token"].as_str().unwrap();
    assert_ne!(old, new);
    let replayed = ats.refresh(old).await;
    assert_eq!(replayed.json()["error"], "invalid_grant");
    let access = second["access_token"].as_str().unwrap();
    assert_eq!(ats.status_with(access, "/stages").await, 200);

    let day = 86_400;
    ats.later(89 * day);
    let third = ats.refresh(new).await.json();
    let last = third["refresh_token"].as_str().unwrap();
    ats.later(91 * day);
    assert_eq!(ats.refresh(last).await.json()["error"], "invalid_grant");
    assert_eq!(ats.fake().tokens_minted(), 3);
}

#[tokio::test]
async fn a_year_after_the_consent_it_is_over() {
    let ats = Ats::start().await;
    let back = ats.consent("offline_access", AUDIENCE).await;
    let mut answer = ats.exchange(&field(&back, "code").unwrap()).await;
    for _ in 0..5 {
        ats.later(73 * 86_400);
        let token = answer.json()["refresh_token"].as_str().unwrap().to_string();
        answer = ats.refresh(&token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    ats.later(1);
    let token = answer.json()["refresh_token"].as_str().unwrap().to_string();
    assert_eq!(ats.refresh(&token).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_wrong_audience_gives_a_token_that_the_api_refuses() {
    let ats = Ats::start().await;
    for audience in ["", "https://api.lever.co/v1"] {
        let back = ats.consent("stages:read:admin", audience).await;
        let answer = ats.exchange(&field(&back, "code").unwrap()).await.json();
        assert!(
            answer.get("refresh_token").is_none(),
            "no offline_access, no refresh"
        );
        let access = answer["access_token"].as_str().unwrap();
        assert_eq!(
            ats.status_with(access, "/stages").await,
            401,
            "{audience:?}"
        );
    }
}

#[tokio::test]
async fn consent_can_be_refused_asked_for_and_taken_back() {
    let ats = Ats::with(|mut options| {
        options.partners = vec![Partner {
            redirect_uris: vec![BACK.into()],
            ..Partner::new("demo-client", "demo-secret")
        }];
        options
    })
    .await;
    ats.fake().set_consent(Consent::Deny);
    let back = ats.consent("stages:read:admin", AUDIENCE).await;
    assert_eq!(field(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(field(&back, "code"), None);

    ats.fake().set_consent(Consent::Ask);
    let url = format!(
        "{}/authorize?client_id=demo-client&response_type=code",
        ats.handle.url()
    );
    let page = send(ats.client.get(format!("{url}&redirect_uri={BACK}"))).await;
    assert!(page.status == 200 && page.text.contains("value=\"allow\""));
    let other = send(ats.client.get(format!("{url}&redirect_uri={BACK}/"))).await;
    assert_eq!(other.status, 400, "compared letter by letter");
    let allowed = send(
        ats.client
            .get(format!("{url}&redirect_uri={BACK}&_decision=allow")),
    )
    .await;
    assert_eq!(allowed.status, 302);

    ats.fake().set_consent(Consent::Grant);
    let back = ats
        .consent("stages:read:admin offline_access", AUDIENCE)
        .await;
    let answer = ats.exchange(&field(&back, "code").unwrap()).await.json();
    ats.fake().revoke_tokens("demo-client");
    let access = answer["access_token"].as_str().unwrap();
    assert_eq!(ats.status_with(access, "/stages").await, 401);
    let refresh = answer["refresh_token"].as_str().unwrap();
    assert_eq!(ats.refresh(refresh).await.status, 403);
}

#[tokio::test]
async fn client_credentials_belong_in_the_body() {
    let ats = Ats::start().await;
    let back = ats.consent("offline_access", AUDIENCE).await;
    let code = field(&back, "code").unwrap();
    let request = ats.client.post(format!("{}/oauth/token", ats.handle.url()));
    let request = request.basic_auth("demo-client", Some("demo-secret"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri={BACK}");
    let refused = send(request.body(body)).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (401, &json!("invalid_client"))
    );
    assert_eq!(
        ats.exchange(&code).await.status,
        200,
        "the code was not spent"
    );
}

#[tokio::test]
async fn faults_strike_where_they_are_armed() {
    let ats = Ats::start().await;
    ats.fake()
        .arm(Rule::next(1, "GET", "/v1/stages", Fault::status(503)));
    assert_eq!(ats.get("/stages").await.status, 503);
    assert_eq!(ats.get("/stages").await.status, 200);
    let id = ats.somebody();
    ats.fake()
        .arm(Rule::next(1, "GET", "/v1/opportunities", Fault::Lag));
    ats.fake().delete(&id).unwrap();
    let path = format!("/opportunities/{id}");
    assert_eq!(ats.get(&path).await.status, 200, "an old copy");
    assert_eq!(ats.get(&path).await.status, 404);
}
