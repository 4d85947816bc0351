import { test } from 'node:test';
import { assertHidden, drawn } from '../support/hidden.ts';

test('the value of a password’s name is hidden in settings, YAML and command lines', () => {
  for (const line of [
    'DB_PASSWORD=«hunter2»',
    'export DB_PASSWORD=«p@ss/w0rd!»',
    'export DB_PASSWORD="«two words»" PORT=1',
    "MYSQL_PWD='«it is; a, secret»'",
    '  password: «correct-horse»',
    '  password: "«correct: horse # 7»"',
    'spring.datasource.password=«x»',
    'dbPassword : «hunter2» trailing',
    'run --password «hunter2» --port 80',
    'run --db-password=«hunter2» --port 80',
    '["run","--password","«hunter2»"]',
    'Server=db;Uid=app;Pwd=«a;b,c»;Encrypt=yes',
    'POST user=app&password=«a&b»&next=1',
    '(user=app, password=«a)b», port=1)',
    'DB_PASS=«hunter2» smtpPass=«x» ADMIN_PW=«y»',
    'password_hash=«$2b$10$abcdefghijklmnopqrstuv» ok',
    '<password>«a&b c»</password>',
    '<add key="Password" value="«hunter2»"/>',
    '\u001b[36mpassword\u001b[0m=\u001b[33m«hunter2»\u001b[0m ok',
    'password=«hunter2»\r',
  ]) {
    assertHidden(line, ['password']);
  }
});

test('a password in JSON is hidden to its own quote, also in JSON within JSON', () => {
  for (const line of [
    '{"user":"a","password":"«p\\"a\\\\»","n":1}',
    '{"password" : "«p,}a»" }',
    '{"m":"{\\"password\\":\\"«p\\\\\\"a»\\",\\"n\\":1}"}',
    '{"m":"DB_PASSWORD=«hunter2»\\nPATH=/bin"}',
    '{"m":"DB_PASSWORD=«two words»\\nPATH=/bin"}',
    '"Env":["DB_PASSWORD=«two \\"words\\"»","PATH=/bin"]',
    '{"name":"DB_PASSWORD","value":"«hunter2»"}',
    "{'password': '«hunter2»', 'n': 1}",
    '{:password=>"«hunter2»", :n=>1}',
    '{"password":«123456»,"n":1}',
  ]) {
    assertHidden(line, ['password']);
  }
});

test('keys, tokens and secrets are hidden by their names', () => {
  for (const line of [
    'api_key=«abcdefgh»',
    'GET /v1?api_key=«abcdefgh»&q=1 200',
    '  apiKey: «abcdefgh»',
    'client_secret=«abcdefgh»&x=y',
    'JWT_SECRET="«abcdefgh»"',
    `SECRET_KEY_BASE=«${drawn(64)}»`,
    '{"access_token":"«abcdefgh»","expires_in":3600}',
    `//registry.example/:_authToken=«${drawn(36)}»`,
    `{"auths":{"x":{"auth":"«${drawn(24)}»"}}}`,
    `ADAFRUIT_IO_KEY=«${drawn(32)}»`,
    `token=«${drawn(20)}»`,
    'nextSecret: «abcd1234» and more',
  ]) {
    assertHidden(line, ['secret']);
  }
});

test('a stand-in, a prompt, source code and a name that only holds the word stay', () => {
  for (const line of [
    'Password: ',
    'password: must be longer',
    'msg="wrong password:" user="root"',
    `password=\${DB_PASSWORD} password=$PW password=*** password=<redacted> password=[FILTERED]`,
    'connect(user=user, password=password)',
    "password = os.environ['PW']",
    'if token == expected',
    '(using password: YES)',
    'PWD=/home/app pass=12 fail=0 compass:8:in',
    'max_tokens=4096 token_type=bearer secretName: tls',
    'token=EOF unexpected token: identifier',
    `cache_key=${drawn(24)} next_page_token=${drawn(24)}`,
    '{"errors":{"password":["is too short"]}}',
    '/etc/passwd: 32 lines',
  ]) {
    assertHidden(line, ['password', 'secret']);
  }
});
