/** How many rows there will be, for the progress display. */
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet';

/** As the footer of the file says; 0 where it cannot be read, which the flow will say better. */
export async function rowsIn(file: string): Promise<number> {
  try {
    return Number((await parquetMetadataAsync(await asyncBufferFromFile(file))).num_rows);
  } catch {
    return 0;
  }
}
