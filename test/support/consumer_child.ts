/** A consumer as a process of its own, to be killed. Settings come as JSON in the first argument. */
import type { Settings } from '../../src/config/settings.ts';
import { startConsumer } from '../../src/consume/consumer.ts';

const consumer = await startConsumer(JSON.parse(process.argv[2]!) as Settings);
process.on('SIGTERM', () => void consumer.stop().then(() => process.exit(0)));
// The one who started it may be gone: then so is this.
process.stdin.resume().on('end', () => process.exit(1));
process.stdin.on('data', () => console.log(JSON.stringify(consumer.status())));
