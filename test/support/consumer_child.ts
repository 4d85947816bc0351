/** A consumer in its own process, so that tests can kill it. The first argument is its settings as JSON. */
import type { Settings } from '../../src/config/settings.ts';
import { startConsumer } from '../../src/consume/consumer.ts';

const consumer = await startConsumer(JSON.parse(process.argv[2]!) as Settings);
process.on('SIGTERM', () => void consumer.stop().then(() => process.exit(0)));
// Ends with the test that started it.
process.stdin.resume().on('end', () => process.exit(1));
process.stdin.on('data', () => console.log(JSON.stringify(consumer.status())));
