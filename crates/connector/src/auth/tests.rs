//! What each way in puts on a call, asks for, and makes of an answer.

use super::*;
use crate::http::Response;
use crate::load::Connector;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stagewire_model::Micros;

const NOW: Micros = Micros(1_795_521_600_000_000); // 2026-11-24T12:00:00Z

fn problems(auth: &str) -> Result<Connector, Vec<String>> {
    let text = format!(
        "format = 1\nid = \"acme\"\nname = \"Acme\"\nkind = \"ats\"\nbase_url = \"https://api.acme.example\"\nchecked_on = \"2026-11-24\"\n[fields]\nkey = {{ label = \"Key\" }}\ntenant = {{ label = \"Tenant\" }}\nhost = {{ label = \"Host\" }}\nclient_id = {{ label = \"Id\" }}\nclient_secret = {{ label = \"Secret\" }}\nrefresh_token = {{ label = \"Refresh token\" }}\nas_user = {{ label = \"User\" }}\n[auth.way]\n{auth}"
    );
    let files = [("connector.toml".to_owned(), text)].into();
    Connector::load("acme", &files)
        .map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn acme(auth: &str) -> Connector {
    problems(auth).expect("it loads")
}

fn given(fields: &[(&str, &str)]) -> Settings {
    let empty = Settings::default();
    fields.iter().fold(empty, |s, (k, v)| s.with(k, v))
}

fn client() -> Settings {
    given(&[
        ("client_id", "c&1"),
        ("client_secret", "s:2"),
        ("tenant", "acme1"),
        ("host", "h.example"),
    ])
}

fn signed(auth: &str, settings: &Settings) -> Request {
    let request = Request::get("https://api.acme.example/x", "/x");
    acme(auth)
        .authorize(request, settings, None)
        .expect("a way in")
}

fn body(request: &Request) -> &str {
    std::str::from_utf8(&request.body).expect("text")
}

fn answer(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }
}

const CODE: &str = "scheme = \"oauth2_code\"\nauthorize_url = \"https://auth.acme.example/authorize\"\ntoken_url = \"https://auth.acme.example/oauth/token\"\nclient_as = \"form\"\nauthorize_params = { audience = \"https://api.acme.example/v1/\" }\nscope = [\"offline_access\"]\npkce = true\nrotating = true\nidle_death = \"90d\"\nrefresh_lasts = \"365d\"\n";
const REFRESH: &str =
    "scheme = \"oauth2_refresh\"\ntoken_url = \"https://{host}/oauth2/{tenant}/token\"\n";

#[test]
fn basic_takes_its_halves_from_fields_and_the_second_may_be_empty() {
    let key = signed(
        "scheme = \"basic\"\nuser = \"{key}\"",
        &given(&[("key", "k1")]),
    );
    assert_eq!(key.header("authorization"), Some("Basic azE6"));
    let both = "scheme = \"basic\"\nuser = \"{as_user}@{tenant}\"\npassword = \"{key}\"";
    let two = given(&[("key", "p"), ("as_user", "isu"), ("tenant", "acme1")]);
    assert_eq!(
        signed(both, &two).header("authorization"),
        Some(basic("Basic", "isu@acme1", "p").as_str())
    );
    assert_eq!(acme(both).check_settings(&two), Vec::<String>::new());
    let colon = two.with("as_user", "i:su");
    assert_eq!(
        acme(both).check_settings(&colon),
        ["`as_user`, `tenant` must not hold a colon"]
    );
    assert_eq!(
        acme(both).auth(&Settings::default()).map(|_| ()),
        Err(AuthError::NotFilledIn(vec![
            "as_user".into(),
            "key".into(),
            "tenant".into()
        ]))
    );
}

#[test]
fn a_soap_header_holds_escaped_values_and_goes_where_the_envelope_has_its_place() {
    let way = "scheme = \"ws_security\"\nuser = \"{as_user}@{tenant}\"\npassword = \"{key}\"";
    let settings = given(&[
        ("as_user", "isu"),
        ("tenant", "a&b"),
        ("key", "<p\"'>\u{1}]"),
    ]);
    let header = acme(way).security_header(&settings).expect("a header");
    assert!(
        header.contains("<wsse:Username>isu@a&amp;b</wsse:Username>"),
        "{header}"
    );
    assert!(
        header.contains("#PasswordText\">&lt;p&quot;&apos;&gt;]</wsse:Password>"),
        "{header}"
    );
    let mut request = Request::get("https://api.acme.example/x", "/x");
    request.body = b"<e:Header><wsse:Security/></e:Header><e:Body>&lt;wsse:Security/></e:Body><wsse:Security/>".to_vec();
    let sent = acme(way)
        .authorize(request, &settings, None)
        .expect("a way in");
    assert_eq!(
        body(&sent),
        format!(
            "<e:Header>{header}</e:Header><e:Body>&lt;wsse:Security/></e:Body><wsse:Security/>"
        )
    );
    assert_eq!(sent.header("authorization"), None);
}

#[test]
fn a_client_shows_itself_as_its_manifest_says() {
    let way = "scheme = \"oauth2_client_credentials\"\ntoken_url = \"https://{host}/oauth2/{tenant}/token\"\nparams = { tenant_alias = \"{tenant}\", sub = \"{as_user}\" }\n";
    let asked = |more: &str| {
        let way = format!("{way}{more}");
        acme(&way).token_request(&client()).expect("a request")
    };
    let usual = asked("");
    assert_eq!(usual.url, "https://h.example/oauth2/acme1/token");
    assert_eq!(usual.template, "/oauth2/{tenant}/token");
    assert_eq!(
        body(&usual),
        "grant_type=client_credentials&tenant_alias=acme1"
    );
    assert_eq!(
        usual.header("authorization"),
        Some(basic("Basic", "c&1", "s:2").as_str())
    );
    let word = asked("client_word = \"ID\"");
    assert_eq!(
        word.header("authorization"),
        Some(basic("ID", "c&1", "s:2").as_str())
    );
    let form = asked("client_as = \"form\"");
    assert_eq!(form.header("authorization"), None);
    assert!(body(&form).ends_with("&client_id=c%261&client_secret=s%3A2"));
}

#[test]
fn a_host_that_is_none_is_said_before_anything_is_sent() {
    let c = acme(REFRESH);
    let settings = client().with("refresh_token", "r1");
    assert_eq!(c.check_settings(&settings), Vec::<String>::new());
    for bad in ["https://h.example", "h.example/evil", "a@b"] {
        let said = c.check_settings(&settings.clone().with("host", bad));
        assert!(said[0].contains("a host is written alone"), "{said:?}");
    }
}

#[test]
fn a_typed_in_refresh_token_is_the_first_and_what_the_answer_brings_is_the_next() {
    let c = acme(REFRESH);
    let settings = client().with("refresh_token", "r1");
    let first = c.token_request(&settings).expect("a request");
    assert_eq!(body(&first), "grant_type=refresh_token&refresh_token=r1");
    let next = c.renewal(&settings, "r/2").expect("a request");
    assert_eq!(body(&next), "grant_type=refresh_token&refresh_token=r%2F2");
    let none = c.read_token(
        &settings,
        &answer(200, r#"{"access_token":"a","refresh_token":null}"#),
        NOW,
    );
    assert_eq!(none.expect("a token").refresh, None);
}

#[test]
fn a_consent_asks_for_what_is_needed_and_proves_that_it_is_the_same_who_comes_back() {
    let c = acme(CODE);
    let (settings, back) = (client(), "https://sw.example/connect/callback");
    assert!(
        c.token_request(&settings).is_none(),
        "only a consent begins it"
    );
    let ask = ConsentAsk {
        redirect_uri: back,
        state: "lv.s1",
        verifier: "v1",
        scopes: vec!["notes:read:admin".into(), "offline_access".into()],
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest("v1"));
    assert_eq!(
        c.consent_url(&settings, &ask).expect("an address"),
        format!(
            "https://auth.acme.example/authorize?response_type=code&client_id=c%261&redirect_uri=https%3A%2F%2Fsw.example%2Fconnect%2Fcallback&state=lv.s1&scope=notes%3Aread%3Aadmin%20offline_access&code_challenge={challenge}&code_challenge_method=S256&audience=https%3A%2F%2Fapi.acme.example%2Fv1%2F"
        )
    );
    let request = c
        .code_request(&settings, "c+1", back, Some("v1"))
        .expect("a request");
    assert_eq!(
        body(&request),
        "grant_type=authorization_code&code=c%2B1&redirect_uri=https%3A%2F%2Fsw.example%2Fconnect%2Fcallback&code_verifier=v1&client_id=c%261&client_secret=s%3A2"
    );
    assert!(matches!(
        c.code_request(&settings, "c", back, None),
        Err(AuthError::Over(_))
    ));
    let elsewhere = Settings {
        auth_url: Some("http://127.0.0.1:9".into()),
        ..settings
    };
    let url = c.consent_url(&elsewhere, &ask).expect("an address");
    assert!(
        url.starts_with("http://127.0.0.1:9/authorize?response_type=code"),
        "{url}"
    );
}

#[test]
fn a_token_is_renewed_before_it_ends_by_the_manifest_or_after_four_fifths_of_its_life() {
    let way =
        "scheme = \"oauth2_client_credentials\"\ntoken_url = \"https://auth.acme.example/token\"\n";
    let life = |more: &str, response: Response| {
        let c = acme(&format!("{way}{more}"));
        let t = c.read_token(&client(), &response, NOW).expect("a token");
        (
            (t.expires_at.0 - NOW.0) / 1_000_000,
            (t.renew_at.0 - NOW.0) / 1_000_000,
        )
    };
    let hour = || answer(200, r#"{"access_token":"a","expires_in":"3600"}"#);
    assert_eq!(life("", hour()), (3600, 2880));
    assert_eq!(life("renew = { before = \"2m\" }", hour()), (3600, 3480));
    assert_eq!(
        life("renew = { before = \"2h\" }", hour()),
        (3600, 2880),
        "never at once again"
    );
    assert_eq!(
        life("lasts = \"10m\"", answer(200, r#"{"access_token":"a"}"#)),
        (600, 480)
    );
    // the vendor's clock is an hour ahead of ours: the token still lasts half an hour
    let ahead = Response {
        headers: vec![("Date".into(), "Tue, 24 Nov 2026 13:00:00 GMT".into())],
        ..answer(
            200,
            r#"{"access_token":"a","expires_at":"2026-11-24T13:30:00Z"}"#,
        )
    };
    assert_eq!(life("", ahead), (1800, 1440));
}

#[test]
fn an_answer_says_what_the_token_may_do_whose_it_is_and_when_its_refresh_token_ends() {
    let c = acme(&format!(
        "{CODE}account = \"org.id\"\nintrospect = {{ url = \"https://auth.acme.example/look\", scopes = \"scope\", account = [\"https://a.example/claims\", \"id\"] }}"
    ));
    let told = r#"{"access_token":"a","refresh_token":"r","scope":"x y","org":{"id":7}}"#;
    let t = c
        .read_token(&client(), &answer(200, told), NOW)
        .expect("a token");
    assert_eq!(t.scopes, Some(vec!["x".into(), "y".into()]));
    assert_eq!(
        (t.account.as_deref(), t.refresh.is_some()),
        (Some("7"), true)
    );
    assert_eq!(t.refresh_expires_at, Some(NOW.plus_ms(365 * 86_400_000)));
    let look = c.introspect_request(&client(), "a").expect("a request");
    assert_eq!(body(&look), "token=a&client_id=c%261&client_secret=s%3A2");
    let seen = c.read_introspected(
        &client(),
        &answer(
            200,
            r#"{"active":true,"scope":["x"],"https://a.example/claims":{"id":"o1"}}"#,
        ),
    );
    let expected = Introspected {
        account: Some("o1".into()),
        scopes: Some(vec!["x".into()]),
        active: true,
    };
    assert_eq!(seen, Some(expected));
    assert_eq!(c.read_introspected(&client(), &answer(503, "{}")), None);
}

#[test]
fn a_refusal_for_good_is_told_from_one_of_the_moment() {
    let c = acme(CODE);
    let read = |status, text| c.read_token(&client(), &answer(status, text), NOW);
    assert_eq!(
        read(
            400,
            r#"{"error":"invalid_grant","error_description":"used"}"#
        ),
        Err(AuthError::Over("used".into()))
    );
    assert_eq!(
        read(401, r#"{"error":"invalid_client"}"#),
        Err(AuthError::Denied("invalid_client".into()))
    );
    assert_eq!(read(503, ""), Err(AuthError::Later(None)));
    assert_eq!(read(200, "{}"), Err(AuthError::Unreadable));
    let client_only = acme(
        "scheme = \"oauth2_client_credentials\"\ntoken_url = \"https://auth.acme.example/token\"",
    );
    let said = client_only.read_token(&client(), &answer(400, r#"{"error":"invalid_grant"}"#), NOW);
    assert!(
        matches!(said, Err(AuthError::Denied(_))),
        "nobody consented to anything"
    );
}

#[test]
fn what_a_token_was_given_to_and_what_was_refused_are_known_by_the_fields() {
    let same = |c: &Connector, a: &Settings, b: &Settings, whole: bool| {
        let of = |s: &Settings| {
            let auth = c.auth(s).expect("a way in");
            if whole { auth.whole(s) } else { auth.basis(s) }
        };
        of(a) == of(b)
    };
    let (a, consent) = (client(), acme(CODE));
    let new_secret = a.clone().with("client_secret", "s3");
    assert!(
        same(&consent, &a, &new_secret, false),
        "a consent outlives a new secret"
    );
    assert!(
        !same(&consent, &a, &new_secret, true),
        "but it may be asked again"
    );
    assert!(!same(
        &consent,
        &a,
        &a.clone().with("client_id", "c2"),
        false
    ));
    let other = Settings {
        auth_url: Some("http://127.0.0.1:1".into()),
        ..a.clone()
    };
    assert!(!same(&consent, &a, &other, false));
    let typed = acme(REFRESH);
    let (r1, r2) = (
        a.clone().with("refresh_token", "1"),
        a.clone().with("refresh_token", "2"),
    );
    assert!(!same(&typed, &r1, &r2, false));
    let own = acme(
        "scheme = \"oauth2_client_credentials\"\ntoken_url = \"https://auth.acme.example/token\"\nparams = { sub = \"{as_user}\" }",
    );
    assert!(!same(&own, &a, &new_secret, false));
    assert!(!same(&own, &a, &a.clone().with("as_user", "7"), false));
}

#[test]
fn keys_are_checked_where_they_stand() {
    let wrong = |auth: &str| problems(auth).map(|_| ()).expect_err("it does not load");
    let first = 16; // the line of `scheme`
    let at = |auth: &str, line: usize, says: &str| {
        let told = wrong(auth);
        let place = format!("connector.toml:{}:", first + line);
        assert!(
            told.iter()
                .any(|p| p.starts_with(&place) && p.contains(says)),
            "{told:?}"
        );
        assert_eq!(told.len(), 1, "{told:?}");
    };
    at("scheme = \"oauth2_cod\"", 0, "did you mean `oauth2_code`?");
    at(
        "scheme = \"basic\"\nuser = \"{key\"",
        1,
        "a `{` without its `}`",
    );
    at(
        "scheme = \"oauth2_refresh\"\ntoken_url = \"{host}/token\"",
        1,
        "should begin with https://",
    );
    at(
        "scheme = \"oauth2_refresh\"\ntoken_url = \"https://a.example/t\"\nclient_as = \"form\"\nclient_word = \"ID\"",
        3,
        "belongs to `client_as",
    );
    at(
        "scheme = \"oauth2_client_credentials\"\ntoken_url = \"https://a.example/t\"\nidle_death = \"1d\"",
        2,
        "no such key: `idle_death`",
    );
    at(
        "scheme = \"oauth2_code\"\ntoken_url = \"https://a.example/t\"\nauthorize_url = \"https://a.example/a\"\npkcee = true",
        3,
        "did you mean `pkce`?",
    );
    at(
        "scheme = \"oauth2_code\"\ntoken_url = \"https://a.example/t\"\nauthorize_url = \"https://a.example/a\"\nidle_death = \"a day\"",
        3,
        "a duration such as",
    );
    let told = wrong("scheme = \"oauth2_refresh\"\ntoken_url = \"https://a.example/{tennant}\"\n");
    assert!(
        told[0].contains("wants the field `tennant`") && told[0].contains("did you mean `tenant`?"),
        "{told:?}"
    );
    let told = wrong(
        "scheme = \"oauth2_refresh\"\ntoken_url = \"https://a.example/t\"\nparams = { sub = \"{acting}\" }\n",
    );
    assert!(told[0].contains("wants the field `acting`"), "{told:?}");
}
