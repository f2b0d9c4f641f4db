//! Who may look, and what every answer carries.

use axum::body::Body;
use footfall_dashboard::Settings;
use footfall_dashboard::auth::{OWNER, ensure_owner_link, new_link};
use footfall_event::catalog::{Entry, Key, Scope, secret_hash};
use http::{Request, StatusCode};

use crate::world::{Answer, World, now};

const HOST: &str = "stats.example.com";

fn settings() -> Settings {
    Settings { require_login: true, base_url: format!("https://{HOST}"), ..Settings::default() }
}

async fn get(world: &World, address: &str, cookie: &str) -> Answer {
    let request = Request::get(address).header("host", HOST).header("cookie", cookie);
    world.send(request.body(Body::empty()).unwrap()).await
}

async fn post(world: &World, address: &str, origin: &str, cookie: &str, form: &str) -> Answer {
    let request = Request::post(address)
        .header("host", HOST)
        .header("origin", origin)
        .header("cookie", cookie)
        .header("content-type", "application/x-www-form-urlencoded");
    world.send(request.body(Body::from(form.to_owned())).unwrap()).await
}

/// The form token of a page.
fn token(page: &Answer) -> String {
    let at = page.text.find("name=\"token\" value=\"").expect("a form") + 20;
    page.text[at..].split('"').next().unwrap().to_owned()
}

fn session(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_sets_a_password_signs_in_and_out() {
    let world = World::without_engine(settings());
    world.site("example.com", "").await;
    let own = format!("https://{HOST}");
    let first = ensure_owner_link(&world.catalog, &own).await.unwrap().unwrap();
    let link = ensure_owner_link(&world.catalog, &own).await.unwrap().unwrap();
    let path = |link: &str| link.strip_prefix(own.as_str()).unwrap().to_owned();
    assert_eq!(get(&world, &path(&first), "").await.status, StatusCode::GONE, "replaced");
    let path = path(&link);
    let refused = get(&world, "/sites/example.com?period=7d", "").await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    assert!(refused.header("location").starts_with("/login?back=%2Fsites%2Fexample.com"));
    assert_eq!(get(&world, "/sites/example.com.json", "").await.status, StatusCode::UNAUTHORIZED);

    // Looking at the link does not use it; a short password does not either.
    let page = get(&world, &path, "").await;
    assert!(page.text.contains("Choose a password"));
    let form = format!("token={}&password=short", token(&page));
    let answer = post(&world, &path, &own, "", &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let form = format!("token={}&password=correct+horse+battery", token(&page));
    let foreign = post(&world, &path, "https://evil.example", "", &form).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let answer = post(&world, &path, &own, "", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let cookie = answer.header("set-cookie");
    for part in ["__Host-footfall=", "Path=/;", "Secure;", "HttpOnly;", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let cookie = session(&answer);
    assert_eq!(post(&world, &path, &own, "", &form).await.status, StatusCode::GONE, "used");
    assert_eq!(ensure_owner_link(&world.catalog, &own).await.unwrap(), None);
    assert_eq!(get(&world, "/sites/example.com", &cookie).await.status, StatusCode::OK);
    let mut forged = cookie.clone().into_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let forged = String::from_utf8(forged).unwrap();
    assert_eq!(get(&world, "/", &forged).await.status, StatusCode::SEE_OTHER);

    // By name and password; the way back stays on this dashboard.
    let page = get(&world, "/login?back=//evil.example", "").await;
    assert!(page.text.contains("name=\"back\" value=\"/\""), "{}", page.text);
    let wrong = format!("token={}&name={OWNER}&password=wrong", token(&page));
    let answer = post(&world, "/login", &own, "", &wrong).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("is not right"));
    let right = format!(
        "token={}&name={OWNER}&password=correct+horse+battery&back=https://evil.example",
        token(&page)
    );
    let answer = post(&world, "/login", &own, "", &right).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
    let second = session(&answer);

    // Signing out needs the session's own token and ends every session.
    let page = get(&world, "/sites/example.com", &second).await;
    let answer = post(&world, "/logout", &own, &second, "token=00").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let form = format!("token={}", token(&page));
    let stolen = post(&world, "/logout", &own, &cookie, &form).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN, "another session's token");
    let answer = post(&world, "/logout", &own, &second, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    for cookie in [&cookie, &second] {
        assert_eq!(get(&world, "/", cookie).await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited() {
    let world = World::without_engine(Settings { login_attempts_max: 3, ..settings() });
    let page = get(&world, "/login", "").await;
    let form = format!("token={}&name=nobody&password=guess", token(&page));
    let own = format!("https://{HOST}");
    for _ in 0..3 {
        let answer = post(&world, "/login", &own, "", &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let answer = post(&world, "/login", &own, "", &form).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_a_restart_and_links_expire() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { secrets_dir: Some(folder.path().join("secrets")), ..settings() };
    let world = World::without_engine(settings.clone());
    let (secret, entry) = new_link(OWNER, now());
    world.catalog.put(&entry).await.unwrap();
    let path = format!("/login/{secret}");
    let form = format!("token={}&password=long+enough+to+do", token(&get(&world, &path, "").await));
    let answer = post(&world, &path, &format!("https://{HOST}"), "", &form).await;
    let cookie = session(&answer);
    // Another process with the same secret and catalogue.
    let again = World::without_engine(settings);
    for entry in world.catalog.load().users.values() {
        again.catalog.put(&Entry::User(entry.clone())).await.unwrap();
    }
    assert_eq!(get(&again, "/", &cookie).await.status, StatusCode::OK);
    let (secret, entry) = new_link(OWNER, now() - 25 * 3_600_000);
    again.catalog.put(&entry).await.unwrap();
    assert_eq!(get(&again, &format!("/login/{secret}"), "").await.status, StatusCode::GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_read_figures_of_their_sites_only() {
    let world = World::new("keys").await;
    let app = World::without_engine(settings());
    for site in ["example.com", "other.example"] {
        app.site(site, "").await;
        world.site(site, "").await;
    }
    let key = |secret: &str, scope| {
        let sha256 = secret_hash(secret);
        let sites = vec!["example.com".to_owned()];
        Entry::Key(Key { id: sha256[..8].into(), sha256, sites, scope, created_at: 1 })
    };
    app.catalog.put(&key("ffk_stats", Scope::Stats)).await.unwrap();
    app.catalog.put(&key("ffk_ingest", Scope::Ingest)).await.unwrap();
    let ask = async |address: &str, key: &str| {
        let request = Request::get(address)
            .header("host", HOST)
            .header("authorization", format!("Bearer {key}"));
        app.send(request.body(Body::empty()).unwrap()).await
    };
    // The engine is away, so what a key may read is "unavailable".
    let expected = [
        ("/sites/example.com.json", "ffk_stats", StatusCode::SERVICE_UNAVAILABLE),
        ("/sites/example.com/pages.csv", "ffk_stats", StatusCode::SERVICE_UNAVAILABLE),
        ("/sites/other.example/pages.json", "ffk_stats", StatusCode::FORBIDDEN),
        ("/sites/example.com.json", "ffk_ingest", StatusCode::UNAUTHORIZED),
        ("/sites/example.com.json", "ffk_guess", StatusCode::UNAUTHORIZED),
        ("/sites/example.com", "ffk_stats", StatusCode::SEE_OTHER),
    ];
    for (address, key, status) in expected {
        assert_eq!(ask(address, key).await.status, status, "{address} {key}");
    }
    assert_eq!(world.get("/sites/example.com.json").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_guarded_by_headers_and_no_name_is_reflected() {
    let world = World::without_engine(Settings::default());
    world.site("example.com", "").await;
    for address in ["/", "/setup", "/sites/example.com", "/sites/nosuch", "/sites/example.com.json"]
    {
        let answer = world.get(address).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{address}: {policy}");
        assert!(policy.ends_with("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
    }
    // On loopback a website can't read the dashboard under its own name.
    let request = Request::get("/").header("host", "evil.example");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(!answer.text.contains("evil.example"));
    for host in ["localhost", "127.0.0.1:8080", "[::1]:8080", "app.localhost:1"] {
        let request = Request::get("/").header("host", host);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
    }
    let page = world.get("/").await;
    for name in ["look", "live", "mark"] {
        let at = page.text.find(&format!("/assets/{name}-")).unwrap();
        let href = page.text[at..].split('"').next().unwrap();
        let asset = world.get(href).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert!(asset.header("cache-control").contains("immutable"));
    }
    assert_eq!(world.get("/assets/look-000000000000.css").await.status, StatusCode::NOT_FOUND);
}
