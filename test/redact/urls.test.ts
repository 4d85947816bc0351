import { test } from 'node:test';
import { assertHidden } from '../support/hidden.ts';

test('the password of a URL is hidden whatever marks it holds', () => {
  for (const line of [
    'postgres://app:«hunter2»@db.internal:5432/app',
    'redis://:«p%40ss»@10.0.0.1:6379',
    'postgres://app:«p@ss»@db:5432/app',
    'postgres://app:«p/ss»@db:5432/app',
    'postgres://app:«p@ss/w@rd»@db:5432/app',
    'https://app:«a?b#c»@x.example.com/a?b=c@d',
    'https://app:«12345»@x.example.com/',
    'redis://:«123/45»@cache/0',
    'amqp://app:«x»@[::1]:5672/',
    "url='mongodb+srv://app:«x»@a.example.net,b.example.net/y', n=1",
    'http://a:«b»@c/d http://e:«f»@g/h',
    'app:«hunter2»@tcp(10.0.0.1:3306)/shop',
    'git+https://x:«y»@github.com/acme/app.git@main',
    'https://x:«y»@registry.npmjs.org/@scope/package',
  ]) {
    assertHidden(line, ['url_password']);
  }
});

test('JSON may escape the slashes of a URL', () => {
  assertHidden('{"u":"https:\\/\\/user:«pw»@host\\/a"}', ['url_password']);
  assertHidden('{"m":"{\\"u\\":\\"https:\\\\/\\\\/user:«p@w»@host.example\\\\/a\\"}"}', ['url_password']);
  assertHidden('{"u":"https://user:«pw»@host.example","mail":"a@b.example"}', ['url_password']);
});

test('a port, a path and a stand-in are no passwords', () => {
  for (const line of [
    'http://host:8080/path@2x.png',
    'https://example.com:443/@user?next=a:b@c',
    'http://[::1]:8080/a@b',
    'ssh://git@github.com:22/acme/app.git',
    `postgres://app:\${PW}@db/x postgres://app:***@db/x`,
    'https://registry.npmjs.org/@scope/package',
    'see http://a/b: c@d',
  ]) {
    assertHidden(line, ['url_password']);
  }
});

test('host and password of a URL are not taken for an e-mail address', () => {
  assertHidden('postgres://app:«hunter2»@db.internal:5432/app by «mei@example.com»');
});
