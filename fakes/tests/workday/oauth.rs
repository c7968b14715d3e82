//! Tokens are minted, expire and are revoked; rights that are missing show.

use super::*;
use stagewire_fakes::workday::{Access, Client, ClientAs, Isu};

const REFRESH: &str = "grant_type=refresh_token&refresh_token=demo-refresh";
const IN_FORM: &str = "&client_id=demo-client&client_secret=demo-secret";

fn demo() -> Option<String> {
    Some(basic("demo-client", "demo-secret"))
}

#[tokio::test]
async fn a_refresh_token_mints_for_an_hour_by_header_or_by_form() {
    let tenant = Tenant::start().await;
    let answer = tenant.grant(demo(), REFRESH).await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&"Bearer".into(), &3600.into())
    );
    assert_eq!(body["refresh_token"], "demo-refresh");
    let by_form = tenant.grant(None, &format!("{REFRESH}{IN_FORM}")).await;
    assert_eq!(by_form.status, 200);
    assert_eq!(tenant.grant(None, REFRESH).await.status, 401);
    let wrong = tenant.grant(Some(basic("demo-client", "x")), REFRESH).await;
    assert_eq!(
        (wrong.status, wrong.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );

    let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
    let list = "/ccx/api/recruiting/v4/lindenhof/jobPostings";
    tenant.wait(3599);
    assert_eq!(tenant.get(list, &bearer).await.status, 200);
    tenant.wait(1);
    assert_eq!(tenant.get(list, &bearer).await.status, 401);
    assert_eq!(tenant.fake().tokens_minted(), 2);
}

#[tokio::test]
async fn a_tenant_can_insist_on_one_place_for_the_secret() {
    let tenant = Tenant::with(|options| Options {
        client_as: ClientAs::Form,
        echo_refresh_token: false,
        ..options
    })
    .await;
    assert_eq!(tenant.grant(demo(), REFRESH).await.status, 401);
    let answer = tenant.grant(None, &format!("{REFRESH}{IN_FORM}")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("refresh_token").is_none());
}

#[tokio::test]
async fn a_regenerated_token_or_a_disabled_client_is_an_invalid_grant() {
    let tenant = Tenant::start().await;
    let bearer = format!("Bearer {}", tenant.token().await);
    let fresh = tenant
        .fake()
        .regenerate_refresh_token("demo-client")
        .unwrap();
    let old = tenant.grant(demo(), REFRESH).await;
    assert_eq!(
        (old.status, old.json()),
        (400, serde_json::json!({"error": "invalid_grant"}))
    );
    let list = "/ccx/api/recruiting/v4/lindenhof/jobPostings";
    assert_eq!(tenant.get(list, &bearer).await.status, 401);
    let form = format!("grant_type=refresh_token&refresh_token={fresh}");
    assert_eq!(tenant.grant(demo(), &form).await.status, 200);

    let mut client = Client::new("demo-client", "demo-secret", "ISU_Stagewire");
    client.enabled = false;
    tenant.fake().set_client(client);
    let answer = tenant.grant(demo(), REFRESH).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn client_credentials_come_under_the_word_id_with_the_tenants_alias() {
    let tenant = Tenant::start().await;
    let form = "grant_type=client_credentials&tenant_alias=lindenhof";
    let id = demo().unwrap().replace("Basic ", "ID ");
    let answer = tenant.grant(Some(id.clone()), form).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("refresh_token").is_none());
    assert_eq!(tenant.grant(demo(), form).await.status, 401);
    let bare = "grant_type=client_credentials";
    assert_eq!(tenant.grant(Some(id.clone()), bare).await.status, 400);
    let mut client = Client::new("demo-client", "demo-secret", "ISU_Stagewire");
    client.mapped_to = None;
    tenant.fake().set_client(client);
    let answer = tenant.grant(Some(id), form).await;
    assert_eq!(answer.json()["error"], "unauthorized_client");
}

#[tokio::test]
async fn a_code_comes_by_redirect_and_is_good_once() {
    let tenant = Tenant::start().await;
    let path = "/lindenhof/authorize?response_type=code&client_id=demo-client\
                &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fback&state=a%26b";
    let answer = tenant.get(path, "").await;
    assert_eq!(answer.status, 303);
    let place = answer.header("location");
    let (code, state) = place
        .strip_prefix("http://127.0.0.1:9/back?code=")
        .and_then(|rest| rest.split_once("&state="))
        .expect(place);
    assert_eq!(state, "a%26b");
    let wrong = format!("grant_type=authorization_code&code={code}x");
    assert_eq!(tenant.grant(demo(), &wrong).await.status, 400);
    let form = format!("grant_type=authorization_code&code={code}");
    let answer = tenant.grant(demo(), &form).await;
    assert_eq!(answer.status, 200);
    let refresh = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    let again = tenant.grant(demo(), &form).await;
    assert_eq!(again.json()["error"], "invalid_grant");
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(tenant.grant(demo(), &form).await.status, 200);
}

#[tokio::test]
async fn somebody_may_be_asked_first_and_say_no() {
    let tenant = Tenant::with(|options| Options {
        authorize_at_once: false,
        ..options
    })
    .await;
    let path = "/lindenhof/authorize?response_type=code&client_id=demo-client\
                &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fback";
    let page = tenant.get(path, "").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("value=\"allow\""));
    let denied = tenant.get(&format!("{path}&answer=deny"), "").await;
    assert_eq!(
        denied.header("location"),
        "http://127.0.0.1:9/back?error=access_denied"
    );
    let allowed = tenant.get(&format!("{path}&answer=allow"), "").await;
    assert!(allowed.header("location").contains("?code="));
}

#[tokio::test]
async fn reports_take_basic_and_missing_rights_are_403_or_no_rows() {
    let tenant = Tenant::with(|options| Options {
        basic_wants_tenant: true,
        ..options
    })
    .await;
    let path = "/ccx/service/customreport2/lindenhof/abrandt/ATS_Candidates?format=json";
    let plain = basic("ISU_Stagewire", "demo-isu-password");
    let full = basic("ISU_Stagewire@lindenhof", "demo-isu-password");
    assert_eq!(tenant.get(path, &plain).await.status, 401);
    assert!(!tenant.get(path, &full).await.entries().is_empty());
    assert_eq!(
        tenant
            .get(path, &basic("ISU_Stagewire@lindenhof", "x"))
            .await
            .status,
        401
    );
    let bearer = format!("Bearer {}", tenant.token().await);
    assert!(!tenant.get(path, &bearer).await.entries().is_empty());
    let list = "/ccx/api/recruiting/v4/lindenhof/jobPostings";
    assert_eq!(
        tenant.get(list, &full).await.status,
        401,
        "REST takes no Basic"
    );

    let mut isu = Isu::new("ISU_Stagewire", "demo-isu-password");
    isu.access = Access::EmptyRows;
    tenant.fake().set_isu(isu.clone());
    assert!(tenant.get(path, &full).await.entries().is_empty());
    assert_eq!(tenant.get(list, &bearer).await.json()["total"], 0);
    isu.access = Access::Forbidden;
    tenant.fake().set_isu(isu.clone());
    assert_eq!(tenant.get(path, &full).await.status, 403);
    isu.access = Access::Full;
    tenant.fake().set_isu(isu);
    let mut client = Client::new("demo-client", "demo-secret", "ISU_Stagewire");
    client.scopes = vec!["Staffing".into()];
    tenant.fake().set_client(client);
    assert_eq!(
        tenant.get(list, &bearer).await.status,
        403,
        "the area is not ticked"
    );
}
