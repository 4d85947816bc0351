/** A line with a secret in it, as the text before and behind the secret. */
export type Context = [before: string, behind: string];

/** Contexts that say nothing of a secret. */
export const neutral: Record<string, Context> = {
  bare: ['now using ', ' for it'],
  'end of line': ['started with ', ''],
  quoted: ['value "', '" read'],
  setting: ['SETTING_7=', ''],
  JSON: ['{"level":"info","value":"', '","n":1}'],
  'JSON in JSON': ['{"log":"{\\"value\\":\\"', '\\",\\"n\\":1}"}'],
  'behind \\n in JSON': ['{"log":"first\\n', '\\nlast"}'],
  'query of a URL': ['GET https://api.example/v1?q=', '&page=2 200'],
  header: ['> X-Custom: ', ''],
  brackets: ['f(', ') = 3'],
  color: ['\u001b[32m', '\u001b[0m ok'],
};

/** Contexts in which a word ends where the secret begins. */
export const behindWord: Record<string, Context> = {
  'behind a letter': ['id', ' read'],
  'behind a digit': ['user 7', ' read'],
  'behind _': ['x_', ' read'],
  'behind %3D': ['q%3D', ' read'],
};

/** Names of a provider's secret, as settings have them. */
export const nameForms: Record<string, (provider: string) => Context> = {
  'X_API_KEY=': (provider) => [`${provider.toUpperCase()}_API_KEY=`, ''],
  'export X_TOKEN="…"': (provider) => [`export ${provider.toUpperCase()}_TOKEN="`, '"'],
  'x.secret: in YAML': (provider) => [`  ${provider}.secret: `, ''],
  '"xAccessToken":"…"': (provider) => [`{"${provider}AccessToken":"`, '","n":1}'],
  'in JSON in JSON': (provider) => [`{"m":"{\\"${provider}_client_secret\\":\\"`, '\\"}"}'],
  '--x-api-key …': (provider) => [`run --${provider}-api-key `, ' --port 80'],
  'x_key=': (provider) => [`${provider}_key=`, ' region=eu'],
};

/** The provider's name alone, which is no sign of a secret for Afterlog. */
export const providerAlone: Record<string, (provider: string) => Context> = {
  'x =': (provider) => [`${provider} = `, ''],
  '"x":"…"': (provider) => [`{"${provider}":"`, '"}'],
};

/** Places of a password. A form that cannot hold some marks names them. */
export const passwordForms: Record<string, { context: Context; without?: RegExp }> = {
  'DB_PASSWORD=': { context: ['DB_PASSWORD=', ''], without: /[\s"']/ },
  'export PGPASSWORD=': { context: ['export PGPASSWORD=', ''], without: /[\s"']/ },
  'export X="…"': { context: ['export ADMIN_PASSWORD="', '"'] },
  "X='…'": { context: ["MYSQL_PWD='", "'"], without: /'/ },
  'password = … in a line': { context: ['[db] connect user=app password=', ' host=db'], without: /[\s"']/ },
  YAML: { context: ['    password: ', ''], without: /[\s"']/ },
  'YAML, quoted': { context: ['  db_password: "', '"'] },
  JSON: { context: ['{"user":"app","password":"', '","port":5432}'] },
  'JSON with spaces': { context: ['{ "dbPassword" : "', '", "port": 5432 }'] },
  'JSON in JSON': { context: ['{"log":"{\\"password\\":\\"', '\\",\\"n\\":1}"}'] },
  'JSON in JSON in JSON': { context: ['{"a":"{\\"b\\":\\"{\\\\\\"passwd\\\\\\":\\\\\\"', '\\\\\\"}\\"}"}'] },
  'Python dict': { context: ["{'password': '", "', 'n': 1}"], without: /'/ },
  'Java toString': { context: ['Config{user=app, password=', ', port=5432}'], without: /[\s"']/ },
  'Ruby hash': { context: ['{:password=>"', '", :n=>1}'] },
  'form or query': { context: ['POST user=app&password=', '&next=1'], without: /[\s"']/ },
  'ODBC string': { context: ['Server=db;Database=x;Pwd=', ';Encrypt=yes'], without: /[\s"']/ },
  XML: { context: ['<user>a</user><password>', '</password>'], without: /</ },
  'name and value': { context: ['{"name":"DB_PASSWORD","value":"', '"}'] },
  '--password …': { context: ['run --password ', ' --port 80'], without: /[\s"']/ },
  '--password=…': { context: ['run --password=', ' --port 80'], without: /[\s"']/ },
  'list of arguments': { context: ['["run","--password","', '","--port"]'] },
  'Docker’s Env': { context: ['"Env":["DB_PASSWORD=', '","PATH=/bin"]'] },
  'colors around': {
    context: ['\u001b[36mpassword\u001b[0m=\u001b[33m', '\u001b[0m ok'],
    without: /[\s"']/,
  },
  'curl -u': { context: ['+ curl -s -u app:', ' https://x.example/'], without: /[\s"']/ },
  'curl --user "…"': { context: ['curl --user "app:', '" https://x.example/'] },
  'list with curl': { context: ['["curl","-u","app:', '","https://x.example/"]'] },
  'mysql -p': { context: ['+ mysql -u root -p', ' shop'], without: /[\s"']/ },
  'sshpass -p': { context: ['sshpass -p ', ' ssh app@x'], without: /[\s"']/ },
  'redis-cli -a': { context: ['redis-cli -a ', ' ping'], without: /[\s"']/ },
  'URL, host with port': { context: ['connect postgres://app:', '@db:5432/shop failed'], without: /[\s"<>]/ },
  'URL, host with dot': { context: ['GET https://app:', '@x.example.com/a/b?c=d'], without: /[\s"<>]/ },
  'URL, bare host': { context: ['redis://:', '@cache/0'], without: /[\s"<>]/ },
  'URL in JSON, \\/': { context: ['{"u":"https:\\/\\/app:', '@x.example.com\\/a"}'], without: /[\s"<>]/ },
  'URL, no user': { context: ['amqp://:', '@mq.internal:5672'], without: /[\s"<>]/ },
  'URL in quotes': {
    context: ["url='mongodb+srv://app:", "@c0.mongodb.net/x?w=majority'"],
    without: /[\s"'<>]/,
  },
  'Go DSN': { context: ['app:', '@tcp(10.0.0.1:3306)/shop'], without: /[\s"'=<>`]/ },
};

/** Values of sessions, headers and keys. */
export const otherForms: Record<string, { context: Context; form: string }> = {
  'api_key=': { context: ['api_key=', ''], form: '{a24}' },
  'api_key= in a query': { context: ['GET /v1?api_key=', '&q=1 200'], form: '{a24}' },
  'apiKey: in YAML': { context: ['  apiKey: ', ''], form: '{a24}' },
  '"apikey":"…"': { context: ['{"apikey":"', '"}'], form: '{a24}' },
  'client_secret=': { context: ['client_secret=', '&x=y'], form: '{w40}' },
  'SECRET_KEY_BASE=': { context: ['SECRET_KEY_BASE=', ''], form: '{h128}' },
  'access_token in JSON': { context: ['{"access_token":"', '","expires_in":3600}'], form: '{w64}' },
  'refresh_token=': { context: ['refresh_token=', '&x=y'], form: '{w64}' },
  'X-Api-Key:': { context: ['> X-Api-Key: ', ''], form: '{a32}' },
  'X-Vault-Token:': { context: ['X-Vault-Token: ', ''], form: 'hvs.{w24}' },
  'Private-Token:': { context: ["-H 'PRIVATE-TOKEN: ", "' https://x"], form: '{a20}' },
  'Authorization: Bearer': { context: ['Authorization: Bearer ', ''], form: '{a32}' },
  'Authorization: Basic': { context: ['> authorization: Basic ', ''], form: '{b24}' },
  'Authorization in JSON': { context: ['{"Authorization":"Bearer ', '","n":1}'], form: '{a32}' },
  'Authorization in a list': { context: ["[ 'Authorization', 'Bearer ", "' ]"], form: '{a32}' },
  'Proxy-Authorization:': { context: ['Proxy-Authorization: Basic ', ''], form: '{b24}' },
  'Cookie:': { context: ['Cookie: sid=', '; theme=*'], form: '{w32}' },
  'Cookie:, second': { context: ['cookie: theme=*; sid=', ''], form: '{w32}' },
  'Set-Cookie:': { context: ['Set-Cookie: sid=', '; Path=/; HttpOnly'], form: '{w32}' },
  '"cookie":"…"': { context: ['{"headers":{"cookie":"sid=', '"},"n":1}'], form: '{w32}' },
  '"set-cookie":[…]': { context: ['"set-cookie":["a=*; Path=/","sid=', '; Path=/"]'], form: '{w32}' },
  "curl -H 'Cookie: …'": { context: ["curl -H 'Cookie: sid=", "' https://x"], form: '{w32}' },
  'PHPSESSID=': { context: ['got PHPSESSID=', ' for it'], form: '{l26}' },
  JSESSIONID: { context: ['JSESSIONID=', '; x'], form: '{u32}' },
  '.npmrc': { context: ['//registry.npmjs.org/:_authToken=', ''], form: '{h36}' },
  'config.json of Docker': { context: ['{"auths":{"x":{"auth":"', '"}}}'], form: '{b24}' },
  'nuget config': { context: ['<add key="ClearTextPassword" value="', '" />'], form: '{a16}' },
  'URL of a Sidekiq licence': { context: ['https://', '@gems.contribsys.com/'], form: '{h8}:§{h8}' },
};

export const lineOf = ([before, behind]: Context, secret: string): string => `${before}${secret}${behind}`;

/** Escapes a secret as its context does: JSON, JSON in JSON, a quoted word. */
export function escaped([before]: Context, secret: string): string {
  const depth = /(\\*)["'][^"']*$/.exec(before)?.[1]?.length ?? 0;
  if (!before.includes('"')) return secret;
  let text = secret;
  for (let level = 0; level <= Math.log2(depth + 1); level++) text = JSON.stringify(text).slice(1, -1);
  return text;
}
