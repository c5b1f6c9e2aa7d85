/** CSV files, read and written. Entry point `troupe/streams/csv`; reading needs the package `csv-parse`. */
export { type CsvFileOptions, csvFile } from './csv-sink.ts';
export { type CsvOptions, csv } from './csv-source.ts';
