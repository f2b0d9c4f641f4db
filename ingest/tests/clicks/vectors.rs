//! The documented recipe of tokens: its vectors are what the code makes and takes.

use footfall_event::ads::Token;

const PAGE: &str = include_str!("../../../docs/for-ad-servers.md");

fn block(kind: &str) -> &'static str {
    let rest = PAGE.split_once(&format!("```{kind}\n")).unwrap().1;
    rest.split_once("```").unwrap().0
}

#[test]
fn the_documented_vectors_hold() {
    let secret: Vec<u8> = (0..32).collect();
    let lines: Vec<&str> = block("vectors").lines().collect();
    assert_eq!(lines.len(), 4);
    for pair in lines.chunks(2) {
        let said: Token = serde_json::from_str(pair[0]).unwrap();
        let read = Token::verify(pair[1], |key| (key == "k1").then(|| secret.clone()));
        assert_eq!(read, Ok(said.clone()));
        assert_eq!(said.sign("k1", &secret), pair[1]);
    }
}

#[test]
fn the_documented_shell_makes_the_first_vector() {
    let script = PAGE.split_once("### In a shell").unwrap().1;
    let script = script.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    let output = std::process::Command::new("sh").args(["-ec", script]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let wanted = block("vectors").lines().nth(1).unwrap();
    assert_eq!(said.trim(), wanted, "{}", String::from_utf8_lossy(&output.stderr));
}
