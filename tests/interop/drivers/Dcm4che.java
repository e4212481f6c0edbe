import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import org.dcm4che3.data.Attributes;
import org.dcm4che3.data.Tag;
import org.dcm4che3.data.UID;
import org.dcm4che3.data.VR;
import org.dcm4che3.io.DicomInputStream;
import org.dcm4che3.io.DicomOutputStream;
import org.dcm4che3.net.ApplicationEntity;
import org.dcm4che3.net.Association;
import org.dcm4che3.net.Connection;
import org.dcm4che3.net.Device;
import org.dcm4che3.net.DimseRSP;
import org.dcm4che3.net.InputStreamDataWriter;
import org.dcm4che3.net.PDVInputStream;
import org.dcm4che3.net.Status;
import org.dcm4che3.net.TransferCapability;
import org.dcm4che3.net.pdu.AAssociateRQ;
import org.dcm4che3.net.pdu.PresentationContext;
import org.dcm4che3.net.service.BasicCEchoSCP;
import org.dcm4che3.net.service.BasicCStoreSCP;
import org.dcm4che3.net.service.DicomServiceRegistry;
import org.dcm4che3.util.ByteUtils;

/**
 * dcm4che's network library on the command line; the arguments are those that `stacks/driven.py` describes.
 *
 * What dcm4che's own findscu and getscu do is left to them.
 */
public final class Dcm4che {
    /** Where a file says how long its File Meta Information is, in 4 bytes (PS3.10 7.1). */
    private static final int GROUP_LENGTH = 140;

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
            case "echo" -> echo(rest);
            case "send" -> send(rest);
            case "move" -> move(rest);
            case "abort" -> abort(rest);
            case "listen" -> listen(rest);
            default -> throw new IllegalArgumentException(args[0]);
        }
        if (!args[0].equals("listen")) {
            System.exit(0);
        }
    }

    private static void echo(String[] a) throws Exception {
        Association association = connect(a, new PresentationContext(1, UID.VerificationSOPClass, UID.ImplicitVRLittleEndian));
        expectSuccess(association.cecho());
        association.release();
    }

    private static void send(String[] a) throws Exception {
        Association association = connect(a, contexts(a));
        for (String file : Arrays.copyOfRange(a, 4, a.length)) {
            expectSuccess(store(association, file));
        }
        association.release();
    }

    /** Send the first file and abort the association without waiting for the answer. */
    private static void abort(String[] a) throws Exception {
        Association association = connect(a, contexts(a));
        store(association, a[4]);
        association.abort();
    }

    private static void move(String[] a) throws Exception {
        String model = UID.StudyRootQueryRetrieveInformationModelMOVE;
        Association association = connect(a, new PresentationContext(1, model, UID.ImplicitVRLittleEndian));
        Attributes keys = new Attributes();
        keys.setString(Tag.QueryRetrieveLevel, VR.CS, "STUDY");
        keys.setString(Tag.StudyInstanceUID, VR.UI, a[5]);
        expectSuccess(association.cmove(model, 0, keys, UID.ImplicitVRLittleEndian, a[4]));
        association.release();
    }

    private static void listen(String[] a) throws Exception {
        DicomServiceRegistry services = new DicomServiceRegistry();
        services.addDicomService(new BasicCEchoSCP());
        services.addDicomService(new FileStore(new File(a[2])));
        ApplicationEntity entity = entity(a[1], Integer.parseInt(a[0]));
        entity.setAssociationAcceptor(true);
        entity.addTransferCapability(new TransferCapability(null, "*", TransferCapability.Role.SCP, "*"));
        entity.getDevice().setDimseRQHandler(services);
        entity.getDevice().bindConnections();
    }

    private static DimseRSP store(Association association, String file) throws Exception {
        Attributes meta;
        try (DicomInputStream in = new DicomInputStream(new File(file))) {
            meta = in.readFileMetaInformation();
        }
        try (InputStream in = new FileInputStream(file)) {
            in.skipNBytes(GROUP_LENGTH);
            in.skipNBytes(ByteUtils.bytesToIntLE(in.readNBytes(4), 0));
            return association.cstore(meta.getString(Tag.MediaStorageSOPClassUID),
                meta.getString(Tag.MediaStorageSOPInstanceUID), 0, new InputStreamDataWriter(in),
                meta.getString(Tag.TransferSyntaxUID));
        }
    }

    /** One context for each SOP Class and transfer syntax of the files, as dcm4che's storescu proposes them. */
    private static PresentationContext[] contexts(String[] a) throws IOException {
        Map<String, TreeSet<String>> syntaxes = new LinkedHashMap<>();
        for (String file : Arrays.copyOfRange(a, 4, a.length)) {
            try (DicomInputStream in = new DicomInputStream(new File(file))) {
                Attributes meta = in.readFileMetaInformation();
                syntaxes.computeIfAbsent(meta.getString(Tag.MediaStorageSOPClassUID), key -> new TreeSet<>())
                    .add(meta.getString(Tag.TransferSyntaxUID));
            }
        }
        int[] id = {-1};
        return syntaxes.entrySet().stream()
            .flatMap(e -> e.getValue().stream().map(syntax -> new PresentationContext(id[0] += 2, e.getKey(), syntax)))
            .toArray(PresentationContext[]::new);
    }

    private static Association connect(String[] a, PresentationContext... contexts) throws Exception {
        AAssociateRQ request = new AAssociateRQ();
        request.setCalledAET(a[3]);
        for (PresentationContext context : contexts) {
            request.addPresentationContext(context);
        }
        Connection peer = new Connection();
        peer.setHostname(a[0]);
        peer.setPort(Integer.parseInt(a[1]));
        return entity(a[2], Connection.NOT_LISTENING).connect(peer, request);
    }

    private static ApplicationEntity entity(String title, int port) {
        Device device = new Device("interoperability");
        device.setExecutor(Executors.newCachedThreadPool());
        device.setScheduledExecutor(Executors.newSingleThreadScheduledExecutor());
        Connection connection = new Connection();
        connection.setPort(port);
        device.addConnection(connection);
        ApplicationEntity entity = new ApplicationEntity(title);
        device.addApplicationEntity(entity);
        entity.addConnection(connection);
        return entity;
    }

    private static void expectSuccess(DimseRSP answer) throws Exception {
        int status = Status.Pending;
        while (answer.next()) {
            status = answer.getCommand().getInt(Tag.Status, -1);
        }
        if (status != Status.Success) {
            throw new IllegalStateException("the answer is " + answer.getCommand());
        }
    }

    /** Takes every data set as it comes, bit by bit, into a file named after its SOP Instance UID. */
    private static final class FileStore extends BasicCStoreSCP {
        private final File folder;

        FileStore(File folder) {
            super("*");
            this.folder = folder;
        }

        @Override
        protected void store(Association association, PresentationContext context, Attributes request,
                PDVInputStream data, Attributes answer) throws IOException {
            String instance = request.getString(Tag.AffectedSOPInstanceUID);
            Attributes meta = association.createFileMetaInformation(instance,
                request.getString(Tag.AffectedSOPClassUID), context.getTransferSyntax());
            try (OutputStream out = new FileOutputStream(new File(folder, instance))) {
                // Not closed: after the head of a deflated data set it would deflate once more what came deflated.
                new DicomOutputStream(out, UID.ExplicitVRLittleEndian).writeFileMetaInformation(meta);
                data.copyTo(out);
            }
        }
    }
}
