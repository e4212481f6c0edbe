import com.pixelmed.dicom.Attribute;
import com.pixelmed.dicom.AttributeFactory;
import com.pixelmed.dicom.AttributeList;
import com.pixelmed.dicom.AttributeTag;
import com.pixelmed.dicom.DicomDictionary;
import com.pixelmed.dicom.SOPClass;
import com.pixelmed.dicom.SetOfDicomFiles;
import com.pixelmed.dicom.SpecificCharacterSet;
import com.pixelmed.dicom.StoredFilePathStrategy;
import com.pixelmed.dicom.TagFromName;
import com.pixelmed.network.AnyExplicitStoreFindMoveGetPresentationContextSelectionPolicy;
import com.pixelmed.network.FindSOPClassSCU;
import com.pixelmed.network.GetSOPClassSCU;
import com.pixelmed.network.IdentifierHandler;
import com.pixelmed.network.MoveSOPClassSCU;
import com.pixelmed.network.MultipleInstanceTransferStatusHandler;
import com.pixelmed.network.ReceivedObjectHandler;
import com.pixelmed.network.StorageSOPClassSCPDispatcher;
import com.pixelmed.network.StorageSOPClassSCU;
import com.pixelmed.network.VerificationSOPClassSCU;
import java.io.File;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;

/** PixelMed's network classes on the command line; the arguments are those that `stacks/driven.py` describes. */
public final class PixelMed {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private static final DicomDictionary DICTIONARY = DicomDictionary.StandardDictionary;

    public static void main(String[] args) {
        try {
            run(args);
        } catch (Exception failure) {
            failure.printStackTrace();
            System.exit(1);
        }
    }

    private static void run(String[] args) throws Exception {
        String[] rest = Arrays.copyOfRange(args, 1, args.length);
        switch (args[0]) {
            case "echo" -> new VerificationSOPClassSCU(rest[0], Integer.parseInt(rest[1]), rest[3], rest[2], false);
            case "send" -> send(rest);
            case "find" -> find(rest);
            case "get" -> get(rest);
            case "move" -> move(rest);
            case "listen" -> listen(rest);
            default -> throw new IllegalArgumentException(args[0]);
        }
        if (!args[0].equals("listen")) {
            System.exit(0);
        }
    }

    private static void send(String[] a) throws Exception {
        SetOfDicomFiles files = new SetOfDicomFiles(Arrays.copyOfRange(a, 4, a.length));
        int[] last = {files.size(), 0, files.size(), 0};
        new StorageSOPClassSCU(a[0], Integer.parseInt(a[1]), a[3], a[2], files, 0,
            new MultipleInstanceTransferStatusHandler() {
                @Override
                public void updateStatus(int remaining, int completed, int failed, int warning, String instance) {
                    System.arraycopy(new int[] {remaining, completed, failed, warning}, 0, last, 0, 4);
                }
            }, 0);
        if (last[1] != files.size()) {
            throw new IllegalStateException("remaining, completed, failed, warning: " + Arrays.toString(last));
        }
    }

    private static void find(String[] a) throws Exception {
        String[] charset = a[6].isEmpty() ? null : a[6].split("\\\\");
        AttributeList keys = identifier(charset, Arrays.copyOfRange(a, 7, a.length));
        put(keys, charset, "QueryRetrieveLevel", a[5]);
        if (charset != null) {
            put(keys, charset, "SpecificCharacterSet", a[6]);
        }
        String model = a[4].equals("PATIENT")
            ? SOPClass.PatientRootQueryRetrieveInformationModelFind
            : SOPClass.StudyRootQueryRetrieveInformationModelFind;
        new FindSOPClassSCU(a[0], Integer.parseInt(a[1]), a[3], a[2], model, keys, new IdentifierHandler() {
            @Override
            public void doSomethingWithIdentifier(AttributeList found) {
                for (Attribute one : found.values()) {
                    String keyword = DICTIONARY.getNameFromTag(one.getTag());
                    OUT.println(keyword + "=" + one.getDelimitedStringValuesOrEmptyString());
                }
                OUT.println();
            }
        });
    }

    private static void get(String[] a) throws Exception {
        AttributeList keys = identifier(null, new String[] {"StudyInstanceUID=" + a[5]});
        put(keys, null, "QueryRetrieveLevel", "STUDY");
        Set<String> classes = new TreeSet<>(Arrays.asList(a[6].split(",")));
        new GetSOPClassSCU(a[0], Integer.parseInt(a[1]), a[3], a[2],
            SOPClass.StudyRootQueryRetrieveInformationModelGet, keys, new IdentifierHandler(), new File(a[4]),
            StoredFilePathStrategy.BYSOPINSTANCEUIDINSINGLEFOLDER, new Taken(), classes, true, true, true);
    }

    private static void move(String[] a) throws Exception {
        AttributeList keys = identifier(null, new String[] {"StudyInstanceUID=" + a[5]});
        put(keys, null, "QueryRetrieveLevel", "STUDY");
        int status = new MoveSOPClassSCU(a[0], Integer.parseInt(a[1]), a[3], a[2], a[4],
            SOPClass.StudyRootQueryRetrieveInformationModelMove, keys).getStatus();
        if (status != 0) {
            throw new IllegalStateException("C-MOVE ended with status " + Integer.toHexString(status));
        }
    }

    private static void listen(String[] a) throws Exception {
        new Thread(new StorageSOPClassSCPDispatcher(Integer.parseInt(a[0]), a[1], new File(a[2]),
            StoredFilePathStrategy.BYSOPINSTANCEUIDINSINGLEFOLDER, new Taken(), null, null, null,
            new AnyExplicitStoreFindMoveGetPresentationContextSelectionPolicy(), false)).start();
    }

    private static AttributeList identifier(String[] charset, String[] keys) throws Exception {
        AttributeList list = new AttributeList();
        for (String key : keys) {
            String[] parts = key.split("=", 2);
            put(list, charset, parts[0], parts[1]);
        }
        return list;
    }

    private static void put(AttributeList list, String[] charset, String keyword, String value) throws Exception {
        AttributeTag tag = DICTIONARY.getTagFromName(keyword);
        SpecificCharacterSet set = charset == null ? null : new SpecificCharacterSet(charset);
        Attribute attribute = set == null
            ? AttributeFactory.newAttribute(tag, DICTIONARY.getValueRepresentationFromTag(tag))
            : AttributeFactory.newAttribute(tag, DICTIONARY.getValueRepresentationFromTag(tag), set);
        if (!value.isEmpty()) {
            for (String one : value.split("\\\\", -1)) {
                attribute.addValue(one);
            }
        }
        list.put(tag, attribute);
    }

    private static final class Taken extends ReceivedObjectHandler {
        @Override
        public void sendReceivedObjectIndication(String file, String syntax, String callingAETitle) {
            System.err.println("received " + file + " in " + syntax);
        }
    }
}
