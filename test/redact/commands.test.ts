import { test } from 'node:test';
import { assertHidden } from '../support/hidden.ts';

test('the password in a command line is hidden', () => {
  for (const line of [
    '+ curl -s -u app:«hunter2» https://x.example/',
    '+ curl -su "app:«two words»" https://x.example/',
    "curl --user='app:«a:b»' https://x.example/",
    'curl -uapp:«hunter2» https://x.example/ -U proxy:«x»',
    '["curl","-u","app:«p\\"w»","https://x.example/"]',
    'mysqldump -u root -p«hunter2» shop',
    'sshpass -p «hunter2» ssh app@x',
    'redis-cli -h cache -a «hunter2» ping',
    'docker login -u app -p «hunter2» x.example',
  ]) {
    assertHidden(line, ['password']);
  }
});

test('other options of the same commands stay', () => {
  for (const line of [
    'curl -u "$USER:$PASS" -o out:x https://x.example/',
    '"GET / HTTP/1.1" 200 "curl/8.5.0" -u a:b',
    'curl: (7) Failed to connect',
    'curl -u app https://x.example/',
    'docker run -u 1000:1000 -p 80:80 app',
    'mysql -u root -p shop',
  ]) {
    assertHidden(line, ['password']);
  }
});
