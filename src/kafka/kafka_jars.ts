import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { exitOf, keepLastLines } from '../base/child_process.ts';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

const KAFKA_VERSION = '4.1.1';

/**
 * The folder with Kafka's jars, in the user's cache. Maven downloads them at the first call (54 MB).
 * @throws AfterlogError JAVA_MISSING, KAFKA_LOCAL_FAILED with Maven's last lines
 */
export async function kafkaJars(onProgress: (text: string) => void): Promise<string> {
  requireProgram('java');
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'afterlog');
  const jars = join(cache, `kafka-${KAFKA_VERSION}`);
  if (await exists(jars)) return jars;
  requireProgram('mvn');
  await mkdir(cache, { recursive: true });
  // Downloaded into a folder of its own, then renamed: a download that breaks off leaves nothing that seems
  // complete, and of two downloads at the same time the first one is kept.
  const work = await mkdtemp(join(cache, 'download-'));
  try {
    onProgress(`Downloading Kafka ${KAFKA_VERSION} once (54 MB) to ${jars}`);
    await writeFile(join(work, 'pom.xml'), pom());
    await maven(work);
    await rename(join(work, 'jars'), jars).catch(async (error) => {
      if (!(await exists(jars))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return jars;
}

async function maven(work: string): Promise<void> {
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${join(work, 'jars')}`];
  const child = spawn('mvn', ['-q', '-B', '-f', join(work, 'pom.xml'), ...goal], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limits.local_kafka.download_ms,
    killSignal: 'SIGKILL',
  });
  const output = keepLastLines(child);
  const code = await exitOf(child);
  if (code === 0) return;
  const how = code === null ? `was ended after ${limits.local_kafka.download_ms} ms` : `ended with ${code}`;
  throw new AfterlogError('KAFKA_LOCAL_FAILED', `Maven, which downloads Kafka, ${how}:\n${output()}`);
}

function pom(): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>afterlog</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
  </dependencies>
</project>
`;
}

function requireProgram(name: string): void {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return;
    } catch {
      // The program is not in this folder.
    }
  }
  throw new AfterlogError('JAVA_MISSING', `A local Kafka needs '${name}', which is not on the PATH.`);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
