//! Every route in the OpenAPI document: it has docs, a success, errors, and refuses who has no token.

mod common;

use common::Server;
use serde_json::Value;
use std::collections::BTreeSet;

/// Each route of the document: method, path, what the document says.
fn routes(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let each = |(path, operations): (&String, &Value)| {
        let operations = operations.as_object().expect("operations");
        operations
            .iter()
            .map(|(method, o)| (method.to_uppercase(), path.clone(), o.clone()))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(each).collect()
}

/// A path with something in its holes.
fn filled(path: &str) -> String {
    path.replace("{entity}", "application").replace("{id}", "1")
}

#[tokio::test]
async fn every_route_has_docs_a_success_and_its_errors() {
    let server = Server::start().await;
    let document = server
        .send(common::request("GET", "/openapi.json", None, None))
        .await
        .is(200)
        .json;
    assert_eq!(document["openapi"], "3.1.0");
    let routes = routes(&document);
    assert!(routes.len() > 45, "{}", routes.len());
    let mut names = BTreeSet::new();
    for (method, path, says) in &routes {
        let at = format!("{method} {path}");
        assert!(
            says["summary"].as_str().is_some_and(|s| s.ends_with('.'))
                || says["description"].is_string(),
            "{at} has no docs"
        );
        assert!(
            names.insert(says["operationId"].to_string()),
            "{at}: the name {} is used twice",
            says["operationId"]
        );
        let responses = says["responses"].as_object().expect("responses");
        assert!(
            responses.keys().any(|s| s.starts_with('2')),
            "{at} has no success"
        );
        for (status, response) in responses {
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|d| !d.is_empty()),
                "{at} {status}"
            );
            if status.starts_with('4') || status.starts_with('5') {
                assert_eq!(
                    response["content"]["application/problem+json"]["schema"]["$ref"],
                    "#/components/schemas/Problem",
                    "{at} {status}"
                );
            }
        }
        for hole in path.split('{').skip(1).filter_map(|p| p.split('}').next()) {
            let named = says["parameters"]
                .as_array()
                .is_some_and(|p| p.iter().any(|p| p["name"] == hole && p["in"] == "path"));
            assert!(named, "{at} does not say what {{{hole}}} is");
        }
        if path.starts_with("/api/") {
            assert!(
                says["security"][0]["token"].is_array()
                    && responses.contains_key("401")
                    && responses.contains_key("403"),
                "{at}"
            );
            assert!(
                says["description"]
                    .as_str()
                    .is_some_and(|d| d.contains("Needs the role")),
                "{at}"
            );
            assert_eq!(
                method == "POST" || method == "PUT",
                says["requestBody"].is_object(),
                "{at}"
            );
        }
    }
}

#[tokio::test]
async fn every_api_route_refuses_who_has_no_token() {
    let server = Server::start().await;
    let document = stagewire_api::openapi("0");
    for (method, path, _) in routes(&document)
        .into_iter()
        .filter(|(_, p, _)| p.starts_with("/api/"))
    {
        for authorization in [None, Some("Bearer nobody"), Some("Basic YTpi")] {
            let mut request = common::request(&method, &filled(&path), None, None);
            if let Some(a) = authorization {
                request
                    .headers_mut()
                    .insert("authorization", a.parse().expect("a header"));
            }
            let answer = server.send(request).await.is(401);
            assert_eq!(
                (answer.header("www-authenticate"), &answer.json["code"]),
                ("Bearer realm=\"stagewire\"", &Value::from("API-401")),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn every_list_refuses_a_filter_it_does_not_have() {
    let server = Server::start().await;
    let document = stagewire_api::openapi("0");
    let is_list = |says: &Value| {
        says["parameters"]
            .as_array()
            .is_some_and(|p| p.iter().any(|p| p["name"] == "cursor"))
    };
    let lists: Vec<String> = routes(&document)
        .into_iter()
        .filter(|(m, _, says)| m == "GET" && is_list(says))
        .map(|(_, p, _)| p)
        .collect();
    assert_eq!(lists.len(), 14, "{lists:?}");
    for path in lists {
        let path = filled(&path);
        assert!(
            server.get(&path).await.is(200).json["items"].is_array(),
            "{path}"
        );
        let answer = server.get(&format!("{path}?colour=red")).await.is(400);
        assert!(
            answer.json["detail"]
                .as_str()
                .is_some_and(|d| d.contains("`colour`")),
            "{path}: {}",
            answer.text
        );
    }
    let near = server.get("/api/v1/calls?conection=ats").await.is(400);
    assert!(
        near.text.contains("did you mean `connection`?"),
        "{}",
        near.text
    );
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let document = stagewire_api::openapi("0");
    let text = document.to_string();
    let named: BTreeSet<&str> = text
        .split("\"#/components/schemas/")
        .skip(1)
        .filter_map(|s| s.split('"').next())
        .collect();
    for name in named {
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
    let application = &document["components"]["schemas"]["record_application"];
    assert!(
        application["properties"]["status_raw"].is_object()
            && application["properties"]["meta"].is_object()
    );
}
